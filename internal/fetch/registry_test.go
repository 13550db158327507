package fetch

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// A registry is an npm registry on loopback.
type registry struct {
	*httptest.Server
	mu       sync.Mutex
	packages map[string]map[string]any // name -> version -> what the registry says of it
	tarballs map[string][]byte         // path -> bytes
	tags     map[string]map[string]string
	times    map[string]map[string]string // name -> version -> RFC 3339
	serve    func(w http.ResponseWriter, r *http.Request, tarball []byte)
	requests []*http.Request
}

func newRegistry(t *testing.T) *registry {
	t.Helper()
	r := &registry{packages: map[string]map[string]any{}, tarballs: map[string][]byte{}}
	r.serve = func(w http.ResponseWriter, req *http.Request, tarball []byte) {
		http.ServeContent(w, req, "", time.Time{}, bytes.NewReader(tarball))
	}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *registry) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	r.requests = append(r.requests, req)
	name := strings.TrimPrefix(req.URL.Path, "/")
	pkg, isPackage := r.packages[name]
	says := map[string]any{"versions": pkg, "dist-tags": r.tags[name], "time": r.times[name]}
	tarball, isTarball := r.tarballs[req.URL.Path]
	serve := r.serve
	r.mu.Unlock()
	switch {
	case isPackage:
		_ = json.NewEncoder(w).Encode(says)
	case isTarball:
		serve(w, req, tarball)
	default:
		http.NotFound(w, req)
	}
}

// add publishes a version. More goes into what the registry says of it.
func (r *registry) add(name, version string, tarball []byte, more map[string]any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	path := "/" + name + "/-/" + name[strings.LastIndexByte(name, '/')+1:] + "-" + version + ".tgz"
	sum := sha512.Sum512(tarball)
	says := map[string]any{"name": name, "version": version, "dist": map[string]any{
		"tarball":   r.URL + path,
		"integrity": "sha512-" + base64.StdEncoding.EncodeToString(sum[:]),
	}}
	maps.Copy(says, more)
	if r.packages[name] == nil {
		r.packages[name] = map[string]any{}
	}
	r.packages[name][version] = says
	r.tarballs[path] = tarball
}

// serving replaces how tarballs are served.
func (r *registry) serving(serve func(w http.ResponseWriter, req *http.Request, tarball []byte)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.serve = serve
}

// asked gives the requests so far whose path has that end.
func (r *registry) asked(suffix string) []*http.Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(r.requests), func(req *http.Request) bool {
		return !strings.HasSuffix(req.URL.Path, suffix)
	})
}

// A file is one entry of a test's tarball; the zero kind is a regular file.
type file struct {
	name string
	data string
	mode int64
	kind byte
	link string
}

// tarball makes a tar.gz of files.
func tarball(t testing.TB, files ...file) []byte {
	t.Helper()
	var b bytes.Buffer
	gz := gzip.NewWriter(&b)
	tw := tar.NewWriter(gz)
	for _, f := range files {
		hdr := &tar.Header{Name: f.name, Mode: f.mode, Size: int64(len(f.data)), Typeflag: f.kind, Linkname: f.link,
			Uid: 1000, Uname: "somebody", ModTime: time.Unix(1e9, 0)}
		if f.kind == 0 {
			hdr.Typeflag = tar.TypeReg
		}
		if f.mode == 0 {
			hdr.Mode = 0o644
		}
		if err := tw.WriteHeader(hdr); err != nil {
			t.Fatal(err)
		}
		if _, err := tw.Write([]byte(f.data)); err != nil {
			t.Fatal(err)
		}
	}
	if err := tw.Close(); err != nil {
		t.Fatal(err)
	}
	if err := gz.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// noise is data that does not compress.
func noise(n int) string {
	out := make([]byte, n)
	x := uint32(1)
	for i := range out {
		x = x*1664525 + 1013904223
		out[i] = byte(x >> 24)
	}
	return string(out)
}

// npmFrom is a configuration of settings alone.
func npmFrom(settings map[string]string) *NPM {
	return &NPM{settings: settings, fallback: func() (string, error) { panic("npm was asked") }}
}

// newFetcher makes a Fetcher over a new store that does not wait between
// attempts.
func newFetcher(t *testing.T, npm *NPM) *Fetcher {
	t.Helper()
	store, err := OpenStore(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	f := New(store, npm, nil)
	f.pause = func(int) time.Duration { return time.Millisecond }
	t.Cleanup(func() { f.client().CloseIdleConnections() })
	return f
}

// a fetcher of one registry.
func (r *registry) fetcher(t *testing.T) *Fetcher {
	t.Helper()
	return newFetcher(t, npmFrom(map[string]string{"registry": r.URL}))
}

func fixedTime() time.Time { return time.Unix(1e9, 0) }

// gzipped compresses data.
func gzipped(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	gz := gzip.NewWriter(&b)
	if _, err := gz.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := gz.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
