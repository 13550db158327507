package dockerhost

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestFind(t *testing.T) {
	for given, want := range map[string]Host{
		"":                      {"unix", "/var/run/docker.sock"},
		"unix:///run/user/d":    {"unix", "/run/user/d"},
		"tcp://127.0.0.1:23750": {"tcp", "127.0.0.1:23750"},
	} {
		if got, err := Find([]string{"A=b", "DOCKER_HOST=" + given}); err != nil || got != want {
			t.Errorf("%q: %+v, %v", given, got, err)
		}
	}
	for _, bad := range []string{"ssh://host", "unix://", "/var/run/docker.sock"} {
		if _, err := Find([]string{"DOCKER_HOST=" + bad}); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// dockerd runs Debian's engine and gives its address.
func dockerd(t *testing.T) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("cannot run the Docker engine: this test needs root")
	}
	dir := t.TempDir()
	host := "unix://" + filepath.Join(dir, "docker.sock")
	var log bytes.Buffer
	cmd := exec.Command("dockerd", "--host="+host, "--data-root="+filepath.Join(dir, "data"), "--exec-root="+filepath.Join(dir, "exec"),
		"--pidfile="+filepath.Join(dir, "pid"), "--iptables=false", "--ip6tables=false", "--bridge=none", "--storage-driver=vfs")
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatalf("cannot start the Docker engine: %v; run: apt-get install docker.io", err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		<-done
		// The engine leaves its network namespace mounted.
		_ = syscall.Unmount(filepath.Join(dir, "exec/netns/default"), syscall.MNT_DETACH)
	})
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
		conn, err := net.Dial("unix", strings.TrimPrefix(host, "unix://"))
		if err == nil {
			must(t, conn.Close())
			return host
		}
		select {
		case err := <-done:
			done <- err
			t.Fatalf("the Docker engine ended: %v\n%s", err, log.String())
		default:
		}
		if time.Now().After(deadline) {
			t.Fatal("the Docker engine does not listen")
		}
	}
}

// archive is an image of one file, as docker save writes it.
func archive(t *testing.T, name string) []byte {
	t.Helper()
	pack := func(files ...string) []byte {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		for i := 0; i < len(files); i += 2 {
			must(t, w.WriteHeader(&tar.Header{Name: files[i], Size: int64(len(files[i+1])), Mode: 0o644, Typeflag: tar.TypeReg}))
			_, err := io.WriteString(w, files[i+1])
			must(t, err)
		}
		must(t, w.Close())
		return b.Bytes()
	}
	layer := pack("hello", "world")
	config, err := json.Marshal(map[string]any{"architecture": "amd64", "os": "linux", "config": map[string]any{"Labels": map[string]string{"of": "the test"}},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{fmt.Sprintf("sha256:%x", sha256.Sum256(layer))}}})
	must(t, err)
	manifest, err := json.Marshal([]map[string]any{{"Config": "config.json", "RepoTags": []string{name}, "Layers": []string{"layer.tar"}}})
	must(t, err)
	return pack("layer.tar", string(layer), "config.json", string(config), "manifest.json", string(manifest))
}

// TestLoad gives a real engine an image, and then what is none.
func TestLoad(t *testing.T) {
	host := dockerd(t)
	h, err := Find([]string{"DOCKER_HOST=" + host})
	must(t, err)
	must(t, h.Load(t.Context(), bytes.NewReader(archive(t, "demo:loaded"))))
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(context.Context, string, string) (net.Conn, error) {
		return net.Dial(h.network, h.address)
	}}}
	res, err := client.Get("http://docker/images/demo:loaded/json")
	must(t, err)
	said, err := io.ReadAll(res.Body)
	must(t, errors.Join(err, res.Body.Close()))
	if res.StatusCode != http.StatusOK || !strings.Contains(string(said), "the test") {
		t.Errorf("the engine says %s: %s", res.Status, said)
	}
	err = h.Load(t.Context(), strings.NewReader("no tar"))
	if err == nil || !strings.Contains(err.Error(), "cannot load the image: the Docker engine says: ") {
		t.Errorf("what is no tar: %v", err)
	}
}

// TestEnginesThatSayNo: in the status, in a message, with floods and garbage.
func TestEnginesThatSayNo(t *testing.T) {
	for name, c := range map[string]struct {
		serve http.HandlerFunc
		want  string
	}{
		"status":  {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, `{"message": "no\u001b[31m space"}`, 500) }, "says: no [31m space"},
		"no word": {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "<html>", 502) }, "says: 502 Bad Gateway"},
		"stream":  {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"stream":"a"}{"error":"disk full"}`) }, "says: disk full"},
		"garbage": {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"stream`) }, "unexpected EOF"},
		"flood": {func(w http.ResponseWriter, _ *http.Request) {
			for range 8 << 10 {
				fmt.Fprint(w, strings.Repeat(" ", 1<<10))
			}
		}, ""},
	} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		must(t, err)
		server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if data, err := io.ReadAll(r.Body); err != nil || string(data) != "the tar" || r.URL.Path != "/images/load" || r.Method != http.MethodPost {
				t.Errorf("asked %s %s with %q, %v", r.Method, r.URL, data, err)
			}
			c.serve(w, r)
		})}
		go func() { _ = server.Serve(l) }() // ends with Close
		err = Host{"tcp", l.Addr().String()}.Load(t.Context(), strings.NewReader("the tar"))
		must(t, server.Close())
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
