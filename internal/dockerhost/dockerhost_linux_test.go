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
	"strings"
	"testing"
	"time"

	"github.com/sandwright/sandwright/internal/dockerhost/dockertest"
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

// TestLoad gives real engines an image, and then what is none: one with a store
// of its own, and one with containerd's.
func TestLoad(t *testing.T) {
	t.Run("Debian's", func(t *testing.T) {
		testLoad(t, dockertest.Debian(t, append(dockertest.Alone(), "--storage-driver=vfs")...))
	})
	t.Run("containerd's store", func(t *testing.T) { testLoad(t, dockertest.Containerd(t)) })
}

func testLoad(t *testing.T, host string) {
	t.Helper()
	h, err := Find([]string{"DOCKER_HOST=" + host})
	must(t, err)
	about, err := h.About(t.Context())
	if err != nil || about.Version == "" || (about.Store == StoreContainerd) != strings.HasSuffix(t.Name(), "store") {
		t.Errorf("it says of itself %+v, %v", about, err)
	}
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
		"status": {func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, `{"message": "no\u001b[31m space"}`, http.StatusInternalServerError)
		}, "says: no [31m space"},
		"no word": {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "<html>", http.StatusBadGateway) }, "says: 502 Bad Gateway"},
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
