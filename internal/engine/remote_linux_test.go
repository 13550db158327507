package engine

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/sandwright/sandwright/internal/fault"
)

// serveOn serves a BuildKit of its own, with its own root, as buildkitd does:
// the same controller and worker, on a listener.
func serveOn(t *testing.T, root string, listener net.Listener, config *tls.Config) {
	t.Helper()
	e := open(t, root, io.Discard)
	var opts []grpc.ServerOption
	if config != nil {
		opts = append(opts, grpc.Creds(credentials.NewTLS(config)))
	}
	server := grpc.NewServer(append(opts, grpc.WaitForHandlers(true))...)
	e.local.controller.Register(server)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener) // ends with Stop
	}()
	t.Cleanup(func() {
		server.Stop()
		<-done
	})
}

func listen(t *testing.T, network, address string) net.Listener {
	t.Helper()
	l, err := net.Listen(network, address)
	must(t, err)
	t.Cleanup(func() { l.Close() })
	return l
}

// openAt opens an engine whose builds run at b.
func openAt(t *testing.T, root string, b Builder, log io.Writer) *Engine {
	t.Helper()
	e, err := tryOpenAt(t, root, b, log)
	must(t, err)
	t.Cleanup(func() {
		if err := e.Close(context.Background()); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return e
}

func tryOpenAt(t *testing.T, root string, b Builder, log io.Writer) (*Engine, error) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Join(root, "layout"), 0o755))
	return Open(t.Context(), Options{Root: filepath.Join(root, "state"), Layout: filepath.Join(root, "layout"), Builder: b, Progress: Progress{Out: log}},
		func() (map[string]bool, error) { return nil, nil })
}

// TestARemoteBuildIsUnpackedHere: what a buildkitd elsewhere builds from our
// trees, our store and our secrets can run here, and stays while it is used.
func TestARemoteBuildIsUnpackedHere(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "buildkitd.sock")
	serveOn(t, t.TempDir(), listen(t, "unix", socket), nil)
	root := t.TempDir()
	var log bytes.Buffer
	e := openAt(t, root, Builder{Address: "unix://" + socket}, &log)
	s := newShop(t, filepath.Join(root, "layout"))
	r := s.request(t, map[string]string{"node": script("22"), "claude": script("2.1")})
	for _, cachedThere := range []bool{false, true} {
		res, err := e.Solve(t.Context(), r)
		must(t, err)
		if got := readIn(t, res, "home/dev/app/built"); got != "22\n" {
			t.Errorf("built is %q", got)
		}
		if !slices.ContainsFunc(res.Layers, func(l Layer) bool { return strings.Contains(l.Name, "node > built") }) {
			t.Errorf("no layer has the name of its step: %+v", res.Layers)
		}
		if cached(res, "node > built") != cachedThere {
			t.Errorf("cached there: want %t", cachedThere)
		}
	}
	_, err := e.Clear(t.Context(), 0)
	must(t, err)
	res, err := e.Solve(t.Context(), r)
	must(t, err)
	readIn(t, res, "usr/local/bin/claude")
	if n := len(layersOf(t, e, r)); n < len(res.Layers)-1 {
		t.Errorf("the written image has %d layers, and the unpacked one %d", n, len(res.Layers))
	}
}

// readIn reads a file of an unpacked image.
func readIn(t *testing.T, res Result, name string) string {
	t.Helper()
	for _, dir := range res.Lower() {
		if data, err := os.ReadFile(filepath.Join(dir, name)); err == nil {
			return string(data)
		}
	}
	t.Errorf("no layer of %q has %s", res.Lower(), name)
	return ""
}

// An authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	dir  string
	file string // its own certificate
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	a := &authority{key: key, dir: t.TempDir(), cert: &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}}
	a.file, _ = a.issue(t, "ca", a.cert, &key.PublicKey, nil)
	return a
}

func (a *authority) issue(t *testing.T, name string, cert *x509.Certificate, public any, key *ecdsa.PrivateKey) (certFile, keyFile string) {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, cert, a.cert, public, a.key)
	must(t, err)
	certFile, keyFile = filepath.Join(a.dir, name+".pem"), filepath.Join(a.dir, name+"-key.pem")
	must(t, os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	if key != nil {
		data, err := x509.MarshalECPrivateKey(key)
		must(t, err)
		must(t, os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: data}), 0o600))
	}
	return certFile, keyFile
}

// sign gives a certificate for a host, valid until then.
func (a *authority) sign(t *testing.T, name, host string, until time.Time) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	cert := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: until,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if ip := net.ParseIP(host); ip != nil {
		cert.IPAddresses = []net.IP{ip}
	} else {
		cert.DNSNames = []string{host}
	}
	return a.issue(t, name, cert, &key.PublicKey, key)
}

// serverConfig wants a client certificate that clients signed, if it is not nil.
func (a *authority) serverConfig(t *testing.T, host string, until time.Time, clients *authority) *tls.Config {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(a.sign(t, "server", host, until))
	must(t, err)
	c := &tls.Config{Certificates: []tls.Certificate{pair}}
	if clients != nil {
		data, err := os.ReadFile(clients.file)
		must(t, err)
		c.ClientAuth, c.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
		c.ClientCAs.AppendCertsFromPEM(data)
	}
	return c
}

func TestABuilderWithCertificates(t *testing.T) {
	a := newAuthority(t)
	hour := time.Now().Add(time.Hour)
	l := listen(t, "tcp", "127.0.0.1:0")
	serveOn(t, t.TempDir(), l, a.serverConfig(t, "127.0.0.1", hour, a))
	dir := t.TempDir()
	cert, key := a.sign(t, "client", "client", hour)
	for name, file := range map[string]string{"ca.pem": a.file, "cert.pem": cert, "key.pem": key} {
		must(t, os.Symlink(file, filepath.Join(dir, name)))
	}
	e := openAt(t, t.TempDir(), Builder{Address: "tcp://" + l.Addr().String()}.WithFolder(dir), io.Discard)
	res, err := e.Solve(t.Context(), request(t, "echo far > /far"))
	must(t, err)
	if got := readIn(t, res, "far"); got != "far\n" {
		t.Errorf("got %q", got)
	}
}

// TestARefusedHandshakeIsExplained: gRPC says of most of these "error reading
// server preface: EOF".
func TestARefusedHandshakeIsExplained(t *testing.T) {
	a, other := newAuthority(t), newAuthority(t)
	hour, past := time.Now().Add(time.Hour), time.Now().Add(-time.Minute)
	cert, key := a.sign(t, "client", "client", hour)
	oldCert, oldKey := a.sign(t, "old", "client", past)
	foreignCert, foreignKey := other.sign(t, "foreign", "client", hour)
	full := Builder{CA: a.file, Cert: cert, Key: key}
	for name, c := range map[string]struct {
		server *tls.Config
		client Builder
		want   string
	}{
		"server without TLS":    {nil, full, "it does not speak TLS"},
		"client without TLS":    {a.serverConfig(t, "127.0.0.1", hour, nil), Builder{}, "it speaks TLS; give --builder-ca"},
		"no client certificate": {a.serverConfig(t, "127.0.0.1", hour, a), Builder{CA: a.file}, "it wants a client certificate; give --builder-cert"},
		"not trusted":           {other.serverConfig(t, "127.0.0.1", hour, nil), full, "its certificate is signed by nobody in " + a.file},
		"no authority given":    {a.serverConfig(t, "127.0.0.1", hour, nil), Builder{Cert: cert, Key: key}, "signed by nobody in the system's authorities; give --builder-ca"},
		"another name":          {a.serverConfig(t, "builder.example", hour, nil), full, "its certificate is for another name: "},
		"expired":               {a.serverConfig(t, "127.0.0.1", past, nil), full, "its certificate has expired or is not valid yet"},
		"client expired":        {a.serverConfig(t, "127.0.0.1", hour, a), Builder{CA: a.file, Cert: oldCert, Key: oldKey}, "it refuses our certificate " + oldCert + ": it has expired"},
		"client not trusted":    {a.serverConfig(t, "127.0.0.1", hour, a), Builder{CA: a.file, Cert: foreignCert, Key: foreignKey}, "it refuses our certificate " + foreignCert + ": its authorities"},
	} {
		t.Run(name, func(t *testing.T) {
			l := listen(t, "tcp", "127.0.0.1:0")
			var opts []grpc.ServerOption
			if c.server != nil {
				opts = append(opts, grpc.Creds(credentials.NewTLS(c.server)))
			}
			server := grpc.NewServer(opts...)
			go server.Serve(l) // ends with Stop
			defer server.Stop()
			c.client.Address = "tcp://" + l.Addr().String()
			_, err := dial(t.Context(), c.client)
			if err == nil || !strings.Contains(err.Error(), "cannot reach the builder "+c.client.Address+": ") || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

// TestABuilderThatIsNone ends in bounded time, and says what is there.
func TestABuilderThatIsNone(t *testing.T) {
	closed := listen(t, "tcp", "127.0.0.1:0")
	closed.Close()
	ssh, plain := listen(t, "tcp", "127.0.0.1:0"), listen(t, "tcp", "127.0.0.1:0")
	go func() {
		for conn, err := ssh.Accept(); err == nil; conn, err = ssh.Accept() {
			_, _ = io.WriteString(conn, "SSH-2.0-OpenSSH_9.2\r\n")
		}
	}()
	server := grpc.NewServer()
	go server.Serve(plain) // ends with Stop
	defer server.Stop()
	for address, want := range map[string]string{
		"tcp://" + closed.Addr().String():  "connection refused",
		"tcp://" + ssh.Addr().String():     "does not speak HTTP/2",
		"tcp://" + plain.Addr().String():   "what answers there is no BuildKit",
		"unix:///nowhere/to/be/found.sock": "no such file or directory",
	} {
		root := t.TempDir()
		_, err := tryOpenAt(t, root, Builder{Address: address}, io.Discard)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", address, err, want)
		}
		if _, err := os.Stat(filepath.Join(root, "state")); err == nil {
			t.Errorf("%s: the store was opened for a builder that is not there", address)
		}
	}
}

// TestASilentBuilder accepts and says nothing: the wait has an end.
func TestASilentBuilder(t *testing.T) {
	t.Parallel()
	l := listen(t, "tcp", "127.0.0.1:0")
	_, err := dial(t.Context(), Builder{Address: "tcp://" + l.Addr().String()})
	if err == nil || !strings.Contains(err.Error(), "it does not answer within 10s") {
		t.Errorf("got %v", err)
	}
}

func TestBuilderCheck(t *testing.T) {
	for _, c := range []struct {
		builder Builder
		want    string // empty: it is one
	}{
		{Builder{}, ""},
		{Builder{Address: "embedded"}, ""},
		{Builder{Address: "docker"}, ""},
		{Builder{Address: "unix:///run/buildkit/buildkitd.sock"}, ""},
		{Builder{Address: "tcp://builder.example:1234", CA: "ca.pem", Cert: "cert.pem", Key: "key.pem"}, ""},
		{Builder{Address: "tcp://[::1]:1234"}, ""},
		{Builder{Address: "tcp://builder.example"}, "it has no HOST:PORT"},
		{Builder{Address: "tcp://:1234"}, "it has no HOST:PORT"},
		{Builder{Address: "tcp://host:1/path"}, "it has no HOST:PORT"},
		{Builder{Address: "unix://run/buildkitd.sock"}, "it has no absolute path"},
		{Builder{Address: "podman"}, "it is no address that is known"},
		{Builder{Address: "ssh://host"}, "it is no address that is known"},
		{Builder{Address: "tcp://host:1", Cert: "cert.pem"}, "without its key"},
		{Builder{Address: "unix:///sock", CA: "ca.pem"}, "they are for tcp://HOST:PORT"},
		{Builder{Address: "docker", CA: "ca.pem"}, "they are for tcp://HOST:PORT"},
	} {
		err := c.builder.Check()
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || fault.Code(err) != fault.ExitUsage) {
			t.Errorf("%+v: got %v, want %q", c.builder, err, c.want)
		}
	}
}
