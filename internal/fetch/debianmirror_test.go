package fetch

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A debianMirror passes on, below /main and /security on loopback, what this
// machine's apt is configured for.
type debianMirror struct {
	*httptest.Server
	mu    sync.Mutex
	asked map[string]int // requests, by their first folder
	lie   bool           // about who made a suite
}

func newDebianMirror(t *testing.T) *debianMirror {
	t.Helper()
	needApt(t)
	sources, err := readSources(aptDir)
	must(t, err)
	m := &debianMirror{asked: map[string]int{}}
	mux := http.NewServeMux()
	for below, suite := range map[string]string{"/main/": "bookworm", "/security/": "bookworm-security"} {
		found := debianSources(sources, suite, false)
		if len(found) == 0 {
			t.Fatalf("this test needs Debian's %s in apt's sources", suite)
		}
		to, err := url.Parse(found[0].uris[0])
		if err != nil || to.Scheme != "http" && to.Scheme != "https" {
			t.Fatalf("this test needs an address of http or https for %s in apt's sources (%v)", suite, err)
		}
		proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Path = "/" + strings.TrimPrefix(r.In.URL.Path, below)
			r.SetURL(to)
			r.Out.Host = to.Host
		}, ModifyResponse: m.edit}
		mux.HandleFunc(below, func(w http.ResponseWriter, r *http.Request) {
			m.mu.Lock()
			m.asked[below]++
			m.mu.Unlock()
			proxy.ServeHTTP(w, r)
		})
	}
	m.Server = httptest.NewServer(mux)
	t.Cleanup(m.Close)
	return m
}

// edit changes one word of what is signed, where the mirror lies.
func (m *debianMirror) edit(resp *http.Response) error {
	if !m.lie || !strings.HasSuffix(resp.Request.URL.Path, "/InRelease") {
		return nil
	}
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	_ = resp.Body.Close()
	data = bytes.Replace(data, []byte("Label: Debian"), []byte("Label: Nobody"), 1)
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(data)), int64(len(data))
	resp.Header.Set("Content-Length", "")
	resp.Header.Del("Content-Length")
	return nil
}

// TestRegistriesOfDebian makes the same base by the mirrors that the file names
// as by those that apt is configured for, and none by one that lies.
func TestRegistriesOfDebian(t *testing.T) {
	m := newDebianMirror(t)
	given := Settings{Debian: m.URL + "/main", DebianSecurity: m.URL + "/security"}
	spec := BaseSpec{Suite: "bookworm", Packages: []string{"ca-certificates"}, Security: true}
	got, err := newFetcher(t, npmFrom(nil)).With(given).ResolveBase(t.Context(), spec, amd64)
	must(t, err)
	if m.asked["/main/"] == 0 || m.asked["/security/"] == 0 {
		t.Errorf("the mirrors were asked %v times", m.asked)
	}
	own, err := newFetcher(t, npmFrom(nil)).ResolveBase(t.Context(), spec, amd64)
	must(t, err)
	if diff := cmp.Diff(own, got); diff != "" || len(got.Releases) < 2 {
		t.Errorf("of apt's sources, and of the mirrors:\n%s", diff)
	}
	m.lie = true
	_, err = newFetcher(t, npmFrom(nil)).With(given).ResolveBase(t.Context(), spec, amd64)
	if err == nil || !strings.HasPrefix(err.Error(), "cannot get Debian's package lists: ") {
		t.Errorf("a mirror that changes what is signed: %v", err)
	}
}
