package dockerhost

import (
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// hostOf serves handler where a Docker engine would.
func hostOf(t *testing.T, handler http.HandlerFunc) Host {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "docker.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}
	go server.Serve(l) // ends with Close
	t.Cleanup(func() { server.Close() })
	return Host{"unix", socket}
}

func TestAbout(t *testing.T) {
	for answer, want := range map[string]Engine{
		`{"ServerVersion":"20.10.24","Driver":"overlay2","DriverStatus":[["Backing Filesystem","extfs"]]}`:                           {"20.10.24", "overlay2"},
		`{"ServerVersion":"29.0.0","Driver":"overlayfs","DriverStatus":[["driver-type","io.containerd.snapshotter.v1"]]}`:            {"29.0.0", StoreContainerd},
		`{"ServerVersion":"\u001b[31mred","Driver":"vfs"}`:                                                                           {" [31mred", "vfs"},
		`{"ServerVersion":"1","Driver":"d","DriverStatus":[["driver-type","other"],["io.containerd.snapshotter.v1","driver-type"]]}`: {"1", "d"},
	} {
		got, err := hostOf(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, answer) }).About(t.Context())
		if got != want || err != nil {
			t.Errorf("%s: got %+v, %v", answer, got, err)
		}
	}
}

func TestAboutRefuses(t *testing.T) {
	for _, answer := range []string{"", "SSH-2.0", "[]", `{"Driver":"overlay2"}`, strings.Repeat(" ", maxAnswer) + `{"ServerVersion":"1"}`} {
		_, err := hostOf(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, answer) }).About(t.Context())
		if err == nil || !strings.Contains(err.Error(), "it is no Docker engine") {
			t.Errorf("%.20q: got %v", answer, err)
		}
	}
}

func TestUpgrade(t *testing.T) {
	h := hostOf(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "h2c" || r.Header.Get("X-Session") != "1" || r.URL.Path != "/session" {
			http.Error(w, `{"message":"no such door"}`, http.StatusNotFound)
			return
		}
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\nat once")
		_, _ = io.Copy(conn, io.LimitReader(conn, 4))
	})
	conn, err := h.Upgrade(t.Context(), "/session", http.Header{"X-Session": {"1"}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "echo")
	if got, err := io.ReadAll(conn); string(got) != "at onceecho" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := h.Upgrade(t.Context(), "/grpc", nil); err == nil || !strings.Contains(err.Error(), "it answers 404 Not Found: no such door") {
		t.Errorf("got %v", err)
	}
}
