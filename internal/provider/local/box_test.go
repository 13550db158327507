//go:build linux

package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/provider"
)

func TestInsideTheBox(t *testing.T) {
	w := newWorld(t)
	upper := t.TempDir()
	for name, text := range map[string]string{"which": "upper", "only": "upper"} {
		if err := os.WriteFile(filepath.Join(upper, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	lower := t.TempDir()
	if err := os.WriteFile(filepath.Join(lower, "which"), []byte("lower"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(upper, 0o751); err != nil {
		t.Fatal(err)
	}
	cfg := config("inside")
	cfg.Rootfs.Lower = []string{upper, lower, os.Getenv(layerVariable)}
	s := w.start(t, cfg)
	for _, c := range []struct{ name, script, want string }{
		{"upper layer wins", "cat /which /only", "upperupper"},
		{"root directory is the image's", "stat -c %a /", "751"},
		{"tmp", "stat -c %a /tmp", "1777"},
		{"hostname", "hostname; cat /etc/hostname", "inside\ninside"},
		{"own name resolves", "cat /etc/hosts", "127.0.0.1 localhost\n::1 localhost ip6-localhost\n192.0.0.2 inside"},
		{"hosts cannot be written", "echo x >/etc/hosts", "sh: can't create /etc/hosts: Read-only file system\n[exit code 1]"},
		{"sys cannot be written", "echo x >/sys/kernel/profiling", "sh: can't create /sys/kernel/profiling: Read-only file system\n[exit code 1]"},
		{"no way to mount", "mount -t tmpfs x /root", "mount: permission denied (are you root?)\n[exit code 1]"},
		{"PID 1 has no secrets on its argv", "cat /proc/1/cmdline | wc -w", "1"},
		{"no more privileges", "cat /proc/self/status | while read k v; do case $k in NoNewPrivs:|Seccomp:|CapEff:) echo $v;; esac; done", "00000000a80425fb\n1\n2"},
		{"a writable root", "echo new >/new && cat /new", "new"},
		{"logs can be written", "mkdir /var/log/sandwright/x && echo line >/var/log/sandwright/x/current", ""},
		{"devices", "echo x >/dev/null && ls /dev/net /dev/vda", "ls: /dev/net: No such file or directory\nls: /dev/vda: No such file or directory\n[exit code 1]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, sh(t, s, c.script)); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
	if text, err := os.ReadFile(filepath.Join(s.Info().LogDir, "x/current")); string(text) != "line\n" {
		t.Errorf("log on the host: %q, %v", text, err)
	}
	if left, _ := os.ReadDir(lower); len(left) != 1 {
		t.Errorf("the box wrote into a layer: %v", left)
	}
}

// A secret reaches PID 1 and is nowhere on disk, in an environment or an argv.
func TestValuesStayInMemory(t *testing.T) {
	w := newWorld(t)
	cfg := config("values")
	cfg.Values = map[string]string{"NAME": "s3cr3t-value"}
	s := w.start(t, cfg)
	conn, err := s.Control(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "GET /v1/status HTTP/1.0\r\n\r\n")
	if status, _ := io.ReadAll(conn); !bytes.Contains(status, []byte("s3cr3t-value")) {
		t.Errorf("the supervisor did not get it: %s", status)
	}
	look := func(name string) {
		if text, _ := os.ReadFile(name); bytes.Contains(text, []byte("s3cr3t-value")) {
			t.Errorf("%s has the secret", name)
		}
	}
	_ = filepath.WalkDir(w.options.StateDir, func(path string, d fs.DirEntry, _ error) error {
		if d.Type().IsRegular() {
			look(path)
		}
		return nil
	})
	_ = filepath.WalkDir(fmt.Sprintf("/proc/%d/root%s", s.rec.Shim.PID, s.place.bundle()), func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			look(path)
		}
		return nil
	})
	for _, pid := range w.processes() {
		look("/proc/" + pid + "/environ")
		look("/proc/" + pid + "/cmdline")
	}
}

// hostAddress is an address of this host that is not its loopback's.
func hostAddress(t testing.TB) string {
	t.Helper()
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Is4() && !p.Addr().IsLoopback() && !p.Addr().IsLinkLocalUnicast() {
			return p.Addr().String()
		}
	}
	t.Fatal("cannot test outbound connections: this host has no IPv4 address but its loopback's")
	return ""
}

// serve answers hello at every address of the host.
func serve(t *testing.T, addr string) (port int) {
	t.Helper()
	l, err := net.Listen("tcp4", net.JoinHostPort(addr, "0"))
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			n, _ := io.Copy(io.Discard, r.Body)
			fmt.Fprintf(w, "got %d", n)
			return
		}
		fmt.Fprint(w, "hello")
	})}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { server.Close() })
	return l.Addr().(*net.TCPAddr).Port
}

func TestOutbound(t *testing.T) {
	w := newWorld(t)
	s := w.start(t, config("outbound"))
	host, port := hostAddress(t), serve(t, "0.0.0.0")
	get := func(addr string) string { return sh(t, s, fmt.Sprintf("probe get http://%s:%d/", addr, port)) }
	if got := get(host); got != "hello" {
		t.Errorf("the host's own address: %q", got)
	}
	for _, addr := range []string{"127.0.0.1", "127.0.0.2", "localhost", "0.0.0.0", "169.254.169.254", boxGateway, "192.0.0.6", "224.0.0.1", "255.255.255.255"} {
		if got := get(addr); !strings.HasPrefix(got, "no: ") {
			t.Errorf("%s is reached: %q", addr, got)
		}
	}
	if got, want := sh(t, s, fmt.Sprintf("probe post http://%s:%d/", host, port)), fmt.Sprintf("got %d", 20<<20); got != want {
		t.Errorf("a large upload: %q, not %q", got, want)
	}
	if got := sh(t, s, fmt.Sprintf("probe get http://%s:1/", host)); !strings.Contains(got, "refused") {
		t.Errorf("a closed port: %q", got)
	}
}

// Whatever packet the box makes up, the host's loopback stays out of reach.
func TestMadeUpPackets(t *testing.T) {
	w := newWorld(t)
	s := w.start(t, config("spoof"))
	l, err := net.Listen("tcp4", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	accepted := make(chan struct{}, 10)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Close()
			accepted <- struct{}{}
		}
	}()
	send := func(addr string) bool {
		got := sh(t, s, fmt.Sprintf("probe syn %s:%d", addr, l.Addr().(*net.TCPAddr).Port))
		if got != "" {
			t.Fatal(got)
		}
		select {
		case <-accepted:
			return true
		case <-time.After(500 * time.Millisecond):
			return false
		}
	}
	if !send(hostAddress(t)) {
		t.Error("a made-up packet to the host's own address goes nowhere: this test tests nothing")
	}
	for _, addr := range []string{"127.0.0.1", "0.0.0.0"} {
		if send(addr) {
			t.Errorf("a made-up packet to %s reaches the host", addr)
		}
	}
}

// Datagrams have answers: a UDP echo at the host's address.
func TestDatagrams(t *testing.T) {
	w := newWorld(t)
	s := w.start(t, config("datagrams"))
	echo, err := net.ListenPacket("udp4", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer echo.Close()
	go func() {
		buf := make([]byte, 2048)
		for {
			n, from, err := echo.ReadFrom(buf)
			if err != nil {
				return
			}
			_, _ = echo.WriteTo(buf[:n], from)
		}
	}()
	port := echo.LocalAddr().(*net.UDPAddr).Port
	if got := sh(t, s, fmt.Sprintf("probe udp %s:%d", hostAddress(t), port)); got != "ping" {
		t.Errorf("got %q", got)
	}
	if got := sh(t, s, fmt.Sprintf("probe udp %s:%d", boxGateway, port)); !strings.HasPrefix(got, "no: ") {
		t.Errorf("the gateway is reached: %q", got)
	}
}

// A published port passes half-closes on, finds a server wherever it listens in
// the box, and resets when none does.
func TestPublishedPort(t *testing.T) {
	w := newWorld(t)
	s := w.start(t, withPorts(config("published"), 8080, 8081, 8082))
	sh(t, s, "probe count 192.0.0.2:8080 >/dev/null 2>&1 & probe count [::1]:8081 >/dev/null 2>&1 & sleep 0.3")
	dial := func(i int) *net.TCPConn {
		c, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", s.Info().Ports[i].Host), 5*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		return c.(*net.TCPConn)
	}
	for i := range 2 {
		c := dial(i)
		_, _ = io.WriteString(c, "hello")
		_ = c.CloseWrite()
		if got, err := io.ReadAll(c); string(got) != "got 5" {
			t.Errorf("port %d: %q, %v", i, got, err)
		}
	}
	c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.Info().Ports[2].Host))
	if err == nil {
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		var got []byte
		got, err = io.ReadAll(c)
		c.Close()
		if len(got) > 0 {
			t.Errorf("a port that nobody listens on answers %q", got)
		}
	}
	if !errors.Is(err, unix.ECONNRESET) {
		t.Errorf("a port that nobody listens on: %v", err)
	}
	other, err := net.DialTimeout("tcp", fmt.Sprintf("%s:%d", hostAddress(t), s.Info().Ports[0].Host), time.Second)
	if err == nil {
		other.Close()
		t.Error("the port is published beyond 127.0.0.1")
	}
}

func withPorts(c provider.Config, ports ...int) provider.Config {
	for _, p := range ports {
		c.Ports = append(c.Ports, provider.Port{Box: p})
	}
	return c
}

// An open connection does not hold up the end.
func TestStopWithOpenConnections(t *testing.T) {
	w := newWorld(t)
	s := w.start(t, withPorts(config("busy"), 8080))
	sh(t, s, "probe count 127.0.0.1:8080 >/dev/null 2>&1 & sleep 0.3")
	c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.Info().Ports[0].Host))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = s.Exec(ctx, provider.Exec{Argv: []string{"sleep", "1000"}})
	}()
	time.Sleep(100 * time.Millisecond)
	if err := s.Stop(ctx); err != nil {
		t.Error(err)
	}
	<-ended
}
