package fetch

import (
	"encoding/base64"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	imageregistry "github.com/google/go-containerregistry/pkg/registry"
)

func TestFileOfImage(t *testing.T) {
	host := imageRegistry(t)
	push(t, host+"/team/app:1", indexOf(t, map[string][][]file{"linux/amd64": {
		{{name: "etc/receipt", data: "old"}, {name: "etc/below", data: "0123456789"}},
		{{name: "./etc/receipt", data: "new"}, {name: "etc/link", kind: '2', link: "receipt"}},
		{{name: "etc/other", data: "x"}},
	}}))
	f := newFetcher(t, npmFrom(nil)).With(Settings{OCI: "127.0.0.1:1"}) // is not asked: the reference has a host
	for file, want := range map[string]string{"etc/receipt": "new", "etc/below": "01234", "etc/none": "", "etc/link": ""} {
		for _, ref := range []string{host + "/team/app:1", "http://" + host + "/team/app:1"} {
			got, err := f.FileOfImage(t.Context(), ref, "linux/amd64", "a test", file, 5)
			if err != nil || string(got) != want || (got == nil) != (want == "") {
				t.Errorf("%s of %s: %q, %v", file, ref, got, err)
			}
		}
	}
	for ref, want := range map[string]string{
		host + "/team/app:2": "cannot fetch image " + host + "/team/app:2, which a test asks for: the registry answers Not Found",
		host + "/team/app@sha256:" + strings.Repeat("0", 64): "Not Found",
		host + "/team/app@sha256:00":                         "it is no reference",
		"http://" + host + "/Team App":                       "it is no reference",
		"127.0.0.1:1/team/app:1":                             "connection refused",
	} {
		if _, err := f.FileOfImage(t.Context(), ref, "linux/amd64", "a test", "x", 5); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", ref, err)
		}
	}
	if _, err := f.FileOfImage(t.Context(), host+"/team/app:1", "linux/arm64", "a test", "x", 5); err == nil {
		t.Error("an image for another platform is looked into")
	}
}

// A layer that is cut off, each time, is given up on.
func TestFileOfABrokenImage(t *testing.T) {
	host := imageRegistry(t)
	push(t, host+"/app:1", indexOf(t, map[string][][]file{"linux/amd64": {{{name: "big", data: strings.Repeat("x", 1<<20)}}}}))
	img, err := newFetcher(t, npmFrom(nil)).reference(host+"/app:1", "a test")
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		back, err := http.NewRequestWithContext(r.Context(), r.Method, "http://"+img.Context().RegistryStr()+r.URL.Path, nil)
		if err != nil {
			t.Error(err)
			return
		}
		back.Header = r.Header
		answer, err := http.DefaultClient.Do(back)
		if err != nil {
			t.Error(err)
			return
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Error(err)
		}
		if strings.Contains(r.URL.Path, "/blobs/") && len(body) > 1024 {
			asked++
			body = body[:len(body)/2]
		}
		for name, values := range answer.Header {
			if name != "Content-Length" {
				w.Header()[name] = values
			}
		}
		w.WriteHeader(answer.StatusCode)
		_, _ = w.Write(body)
	}))
	defer front.Close()
	f := newFetcher(t, npmFrom(nil))
	f.pause = func(int) time.Duration { return 0 }
	ref := strings.TrimPrefix(front.URL, "http://") + "/app:1"
	if _, err := f.FileOfImage(t.Context(), ref, "linux/amd64", "a test", "etc/receipt", 5); err == nil || asked < 2 || asked > attempts {
		t.Errorf("asked %d times: %v", asked, err)
	}
}

// A private image is read with what docker login has left.
func TestFileOfAPrivateImage(t *testing.T) {
	private := false
	registry := imageregistry.New(imageregistry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, secret, _ := r.BasicAuth(); private && (user != "me" || secret != "s3cret") {
			w.Header().Set("WWW-Authenticate", `Basic realm="images"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		registry.ServeHTTP(w, r)
	}))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	push(t, host+"/app:1", indexOf(t, map[string][][]file{"linux/amd64": {{{name: "etc/receipt", data: "mine"}}}}))
	private = true
	dir := t.TempDir()
	t.Setenv("DOCKER_CONFIG", dir)
	look := func() (string, error) {
		data, err := newFetcher(t, npmFrom(nil)).FileOfImage(t.Context(), host+"/app:1", "linux/amd64", "a test", "etc/receipt", 5)
		return string(data), err
	}
	if _, err := look(); err == nil || !strings.Contains(err.Error(), "the registry answers Unauthorized") {
		t.Errorf("without a login: %v", err)
	}
	login := `{"auths": {"` + host + `": {"auth": "` + base64.StdEncoding.EncodeToString([]byte("me:s3cret")) + `"}}}`
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(login), 0o600); err != nil {
		t.Fatal(err)
	}
	if data, err := look(); err != nil || data != "mine" {
		t.Errorf("%q, %v", data, err)
	}
}

func TestHasHost(t *testing.T) {
	for ref, want := range map[string]bool{
		"registry.example.com/a": true, "localhost/a:v1": true, "127.0.0.1:5000/a@sha256:00": true, "http://box:5000/a": true,
		"team/app": false, "app:v1": false, "oci:image.tar": false, "nonsense": false, "": false,
	} {
		if got := HasHost(ref); got != want {
			t.Errorf("%q: %t", ref, got)
		}
	}
}
