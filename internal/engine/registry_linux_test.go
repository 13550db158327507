package engine

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	puller "github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/sandwright/sandwright/internal/dockerhost/dockertest"
)

const (
	registryUser = "pusher"
	registryPass = "pass of the registry"
	// registryHash is bcrypt's of registryPass, at its lowest cost.
	registryHash = "$2a$04$Nl.FkJe//lsmWlMlS8weRe5YCZbj.kJVfD5VjbxmIiM.WzAugB3R."
)

// A testRegistry is Debian's docker-registry on loopback.
type testRegistry struct {
	host string
	ca   []byte // PEM; nil: plain HTTP
	auth authn.Authenticator
	pool *x509.CertPool
}

// startRegistry runs one, which wants registryUser where it has TLS.
func startRegistry(t *testing.T, withTLS bool) testRegistry {
	t.Helper()
	r := testRegistry{auth: authn.Anonymous}
	if !withTLS {
		r.host = dockertest.Registry(t, "", "")
		return r
	}
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	r.ca, r.pool, r.auth = selfSigned(t, dir), x509.NewCertPool(), &authn.Basic{Username: registryUser, Password: registryPass}
	r.pool.AppendCertsFromPEM(r.ca)
	must(t, os.WriteFile(file("htpasswd"), []byte(registryUser+":"+registryHash+"\n"), 0o600))
	r.host = dockertest.Registry(t, fmt.Sprintf("{certificate: %q, key: %q}", file("cert.pem"), file("key.pem")), fmt.Sprintf("{htpasswd: {realm: test, path: %q}}", file("htpasswd")))
	return r
}

// selfSigned writes cert.pem and key.pem for 127.0.0.1 into dir.
func selfSigned(t *testing.T, dir string) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(24 * time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	must(t, err)
	keyDER, err := x509.MarshalECPrivateKey(key)
	must(t, err)
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	must(t, os.WriteFile(filepath.Join(dir, "cert.pem"), cert, 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "key.pem"), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER}), 0o600))
	return cert
}

func (r testRegistry) options() []puller.Option {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{RootCAs: r.pool, MinVersion: tls.VersionTLS12}
	return []puller.Option{puller.WithAuth(r.auth), puller.WithTransport(transport)}
}

// image reads what a name of the registry stands for.
func (r testRegistry) image(t *testing.T, ref string) v1.Image {
	t.Helper()
	parsed, err := name.ParseReference(r.host + "/" + ref)
	must(t, err)
	img, err := puller.Image(parsed, r.options()...)
	must(t, err)
	return img
}

// dockerConfig makes a folder of docker's configuration that stands in the
// place of the user's.
func dockerConfig(t *testing.T, config string) string {
	t.Helper()
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "config.json"), []byte(config), 0o600))
	t.Setenv("DOCKER_CONFIG", dir)
	return dir
}

// openWith is open with more authorities.
func openWith(t *testing.T, cas []byte, log io.Writer) *Engine {
	t.Helper()
	return openOptions(t, t.TempDir(), Options{CAs: cas, Progress: Progress{Out: log}})
}

func TestPushToARegistryWithAPassword(t *testing.T) {
	reg := startRegistry(t, true)
	var log strings.Builder
	e := openWith(t, reg.ca, &log)
	r := request(t, "echo pushed > /pushed")
	x := Export{Images: []Image{imageOf(r)}, Outputs: []Output{{Kind: Push, Names: []string{reg.host + "/team/app:one"}}}}

	dockerConfig(t, `{}`)
	_, err := e.Export(t.Context(), r, x)
	if err == nil || !strings.Contains(err.Error(), reg.host) || !strings.Contains(fmt.Sprintf("%+v", hintOf(err)), "docker login "+reg.host) {
		t.Errorf("without credentials: %v, hint %q", err, hintOf(err))
	}
	dockerConfig(t, fmt.Sprintf(`{"auths": {%q: {"username": %q, "password": "a wrong pass"}}}`, reg.host, registryUser))
	if _, err := e.Export(t.Context(), r, x); err == nil || strings.Contains(err.Error(), "a wrong pass") {
		t.Errorf("with a wrong password: %v", err)
	}
	helper := fmt.Sprintf("#!/bin/sh\nread host\n[ \"$1 $host\" = 'get %s' ] || exit 1\necho '{\"Username\": %q, \"Secret\": %q}'\n", reg.host, registryUser, registryPass)
	dir := dockerConfig(t, fmt.Sprintf(`{"credHelpers": {%q: "ofthetest"}}`, reg.host))
	must(t, os.WriteFile(filepath.Join(dir, "docker-credential-ofthetest"), []byte(helper), 0o755)) //nolint:gosec // a program
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	digest, err := e.Export(t.Context(), r, x)
	must(t, err)
	got, err := reg.image(t, "team/app:one").Digest()
	if err != nil || got.String() != digest {
		t.Errorf("pushed %s, the registry has %s, %v", digest, got, err)
	}
	if strings.Contains(log.String(), registryPass) {
		t.Errorf("the display shows the password:\n%s", log.String())
	}
}

func TestARegistryOfAnUnknownAuthority(t *testing.T) {
	reg := startRegistry(t, true)
	e := openWith(t, nil, io.Discard)
	r := request(t, "echo refused > /refused")
	x := Export{Images: []Image{imageOf(r)}, Outputs: []Output{{Kind: Push, Names: []string{reg.host + "/app:one"}}}}
	_, err := e.Export(t.Context(), r, x)
	if err == nil || !strings.Contains(err.Error(), "certificate") || !strings.Contains(hintOf(err), "SSL_CERT_FILE") {
		t.Errorf("got %v, hint %q", err, hintOf(err))
	}
}

func TestPushWhereNobodyListens(t *testing.T) {
	probe, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	host := probe.Addr().String()
	must(t, probe.Close())
	e := openWith(t, nil, io.Discard)
	r := request(t, "echo lost > /lost")
	_, err = e.Export(t.Context(), r, Export{Images: []Image{imageOf(r)}, Outputs: []Output{{Kind: Push, Names: []string{host + "/app:one"}}}})
	if err == nil || !strings.Contains(err.Error(), "refused") || !strings.Contains(err.Error(), host+"/app:one") {
		t.Errorf("got %v", err)
	}
}
