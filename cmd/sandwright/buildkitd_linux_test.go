package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// A buildkitd is BuildKit's own daemon, with a root of its own, on a socket and
// on a port that asks for certificates.
type buildkitd struct {
	socket, port string
	certificates string // folder of what a client needs
}

func startBuildkitd(t *testing.T) buildkitd {
	t.Helper()
	bin, err := filepath.Abs("../../bin/buildkitd")
	must(t, err)
	probe, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	dir := t.TempDir()
	b := buildkitd{socket: filepath.Join(dir, "sock"), port: probe.Addr().String(), certificates: filepath.Join(dir, "client")}
	must(t, probe.Close())
	certify(t, filepath.Join(dir, "server"), b.certificates)
	log, err := os.Create(filepath.Join(dir, "log"))
	must(t, err)
	server := func(name string) string { return filepath.Join(dir, "server", name) }
	cmd := exec.Command(bin, "--root", filepath.Join(dir, "root"), "--addr", "unix://"+b.socket, "--addr", "tcp://"+b.port,
		"--tlscacert", server("ca.pem"), "--tlscert", server("cert.pem"), "--tlskey", server("key.pem"),
		"--containerd-worker=false", "--oci-worker-snapshotter", "overlayfs", "--oci-worker-net", "host")
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatalf("cannot start buildkitd: %v; run: make bin/buildkitd", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
		log.Close()
	})
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		if conn, err := net.Dial("unix", b.socket); err == nil {
			conn.Close()
			return b
		}
		if time.Now().After(end) {
			said, _ := os.ReadFile(log.Name())
			t.Fatalf("buildkitd does not listen:\n%s", tail(string(said)))
		}
	}
}

// certify writes ca.pem, cert.pem and key.pem into each folder: one authority
// vouches for all.
func certify(t *testing.T, dirs ...string) {
	t.Helper()
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := func(n int64, name string) *x509.Certificate {
		return &x509.Certificate{
			SerialNumber: big.NewInt(n), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
			IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		}
	}
	ca := template(1, "authority")
	ca.IsCA, ca.BasicConstraintsValid, ca.KeyUsage = true, true, x509.KeyUsageCertSign
	caCert, err := x509.CreateCertificate(rand.Reader, ca, ca, &caKey.PublicKey, caKey)
	must(t, err)
	for i, dir := range dirs {
		must(t, os.Mkdir(dir, 0o700))
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		must(t, err)
		cert, err := x509.CreateCertificate(rand.Reader, template(int64(i+2), filepath.Base(dir)), ca, &key.PublicKey, caKey)
		must(t, err)
		der, err := x509.MarshalPKCS8PrivateKey(key)
		must(t, err)
		for name, block := range map[string]pem.Block{
			"ca.pem": {Type: "CERTIFICATE", Bytes: caCert}, "cert.pem": {Type: "CERTIFICATE", Bytes: cert}, "key.pem": {Type: "PRIVATE KEY", Bytes: der},
		} {
			must(t, os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(&block), 0o600))
		}
	}
}

// TestARealBuildkitd makes the very image that the embedded engine makes, over a
// socket and over a port with certificates, and a sandbox of it runs here.
func TestARealBuildkitd(t *testing.T) {
	const service = "services: {app: {command: [sh, -c, 'cat built; echo it runs; exec sleep 1000'], ready: {log: it runs}}}\n"
	s, b := newShipment(t, service), startBuildkitd(t)
	var here, there, again madeImage
	s.good(&here, "build", "-o", ".here.tar")
	s.good(&there, "build", "-o", ".there.tar", "--builder", "unix://"+b.socket)
	if here.Image != there.Image || here.Digest != there.Digest || here.Digest == "" {
		t.Errorf("here %+v\nthere %+v", here, there)
	}
	if steps := there.ran("echo built"); steps != 1 {
		t.Errorf("of the build's step %d ran there", steps)
	}
	tls := []string{"--builder", "tcp://" + b.port, "--builder-tls", b.certificates}
	s.good(&again, append([]string{"build", "-o", ".again.tar"}, tls...)...)
	if again.Digest != here.Digest || again.ran("echo built") != 0 {
		t.Errorf("by the port: %+v", again)
	}
	s.bad(1, []string{"build", "--builder", "tcp://" + b.port}, "cannot reach the builder")
	s.downAtEnd()
	var v view
	s.good(&v, append([]string{"up", "--publish-all"}, tls...)...)
	if out, errs, code := s.run("logs", "app"); !v.Ready || code != 0 || !strings.Contains(out, "built\n") {
		t.Errorf("%+v; the log is %q, %s", v, out, errs)
	}
}

// TestACacheInS3: a buildkitd writes it, and one with a root of its own reads it.
func TestACacheInS3(t *testing.T) {
	bucket := startS3(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "somebody")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "hunter2-sesame")
	s := newShipment(t, "")
	cache := "type=s3,bucket=layers,region=eu,use_path_style=true,endpoint_url=" + bucket.URL
	for i, want := range []int{1, 0} {
		var made madeImage
		b := startBuildkitd(t)
		s.good(&made, "build", "--builder", "unix://"+b.socket, "--cache-from", cache, "--cache-to", cache)
		if got := made.ran("echo built"); got != want {
			t.Errorf("machine %d ran the build's step %d times", i+1, got)
		}
	}
	if len(bucket.objects) < 3 || bucket.refused > 0 {
		t.Errorf("%d objects, %d requests without a signature", len(bucket.objects), bucket.refused)
	}
}

// An s3 is as much of that service as a cache needs: objects by their paths, for
// whoever signs.
type s3 struct {
	*httptest.Server
	mu      sync.Mutex
	objects map[string][]byte
	refused int
}

func startS3(t *testing.T) *s3 {
	t.Helper()
	b := &s3{objects: map[string][]byte{}}
	b.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.mu.Lock()
		defer b.mu.Unlock()
		data, there := b.objects[r.URL.Path]
		switch {
		case !strings.Contains(r.Header.Get("Authorization"), "Credential=somebody/"):
			b.refused++
			w.WriteHeader(http.StatusForbidden)
		case r.Method == http.MethodPut && r.Header.Get("X-Amz-Copy-Source") == "":
			data, err := io.ReadAll(r.Body)
			if err != nil || r.Header.Get("Content-Encoding") == "aws-chunked" {
				w.WriteHeader(http.StatusNotImplemented)
				return
			}
			b.objects[r.URL.Path] = data
		case r.Method == http.MethodPut:
			fmt.Fprint(w, "<CopyObjectResult><ETag>1</ETag></CopyObjectResult>") // onto itself: it is in use
		case there:
			http.ServeContent(w, r, "", time.Now(), bytes.NewReader(data))
		default:
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, "<Error><Code>NoSuchKey</Code></Error>")
		}
	}))
	t.Cleanup(b.Close)
	return b
}

// ran counts the steps of a name that were no hits.
func (m madeImage) ran(name string) (n int) {
	for _, step := range m.Steps {
		if strings.Contains(step.Name, name) && !step.Cached {
			n++
		}
	}
	return n
}
