package fetch

import (
	"bytes"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// recorder keeps the Authorization header of each request, by path.
type recorder struct {
	mu   sync.Mutex
	seen map[string]string
}

func (rec *recorder) wrap(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		rec.mu.Lock()
		if rec.seen == nil {
			rec.seen = map[string]string{}
		}
		rec.seen[r.Host+r.URL.Path] = r.Header.Get("Authorization")
		rec.mu.Unlock()
		next(w, r)
	}
}

func ask(t *testing.T, n *NPM, address string) error {
	t.Helper()
	c := n.client()
	defer c.CloseIdleConnections()
	resp, err := c.Get(address)
	if err == nil {
		_ = resp.Body.Close()
	}
	return err
}

func hostOf(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}

func TestTokenStaysWithItsHost(t *testing.T) {
	var rec recorder
	other := httptest.NewServer(rec.wrap(func(http.ResponseWriter, *http.Request) {}))
	defer other.Close()
	home := httptest.NewServer(rec.wrap(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/away":
			http.Redirect(w, r, other.URL+"/landed", http.StatusFound)
		case "/within":
			http.Redirect(w, r, "/inside", http.StatusFound)
		}
	}))
	defer home.Close()
	n := npmFrom(map[string]string{
		"//" + hostOf(t, home.URL) + "/:_authToken":  "HOME",
		"//" + hostOf(t, other.URL) + "/:_authToken": "OTHER",
	})
	for _, path := range []string{"/away", "/within"} {
		if err := ask(t, n, home.URL+path); err != nil {
			t.Fatal(err)
		}
	}
	if err := ask(t, n, other.URL+"/direct"); err != nil {
		t.Fatal(err)
	}
	for where, want := range map[string]string{
		home.URL + "/away": "Bearer HOME", home.URL + "/within": "Bearer HOME", home.URL + "/inside": "Bearer HOME",
		other.URL + "/landed": "", other.URL + "/direct": "Bearer OTHER",
	} {
		if got := rec.seen[strings.TrimPrefix(where, "http://")]; got != want {
			t.Errorf("%s was asked with %q, want %q", where, got, want)
		}
	}
}

func TestPasswordOfTheAddressStaysWithItsHost(t *testing.T) {
	var rec recorder
	other := httptest.NewServer(rec.wrap(func(http.ResponseWriter, *http.Request) {}))
	defer other.Close()
	home := httptest.NewServer(rec.wrap(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL+"/landed", http.StatusFound)
	}))
	defer home.Close()
	if err := ask(t, npmFrom(nil), strings.Replace(home.URL, "://", "://ann:pw@", 1)+"/x"); err != nil {
		t.Fatal(err)
	}
	if rec.seen[hostOf(t, home.URL)+"/x"] == "" || rec.seen[hostOf(t, other.URL)+"/landed"] != "" {
		t.Errorf("asked with %v", rec.seen)
	}
}

// secure starts a TLS server and gives the file of its authority.
func secure(t *testing.T, h http.HandlerFunc) (*httptest.Server, string) {
	t.Helper()
	server := httptest.NewTLSServer(h)
	t.Cleanup(server.Close)
	path := filepath.Join(t.TempDir(), "ca.pem")
	data := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return server, path
}

func TestRedirectToPlainHTTPIsRefused(t *testing.T) {
	plain := newRegistry(t)
	server, ca := secure(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, plain.URL+r.URL.Path, http.StatusFound)
	})
	f := newFetcher(t, npmFrom(map[string]string{"registry": server.URL, "cafile": ca}))
	_, err := f.ResolveTool(t.Context(), "x", ToolSpec{NPM: "x@1.0.0"}, amd64)
	want := "cannot fetch npm package x from " + server.URL + "/x: redirected from https to a plain connection, " + plain.URL + "/x"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	if len(plain.asked("")) != 0 {
		t.Error("the plain server was asked")
	}
}

func TestRedirectsEnd(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, r.URL.Path+"x", http.StatusFound)
	}))
	defer server.Close()
	if err := ask(t, npmFrom(nil), server.URL+"/"); err == nil || reason(err) != "redirected more than 10 times" {
		t.Errorf("got %v", err)
	}
}

func TestAuthorities(t *testing.T) {
	server, ca := secure(t, func(http.ResponseWriter, *http.Request) {})
	data, err := os.ReadFile(ca)
	if err != nil {
		t.Fatal(err)
	}
	if err := ask(t, npmFrom(nil), server.URL); err == nil || !strings.Contains(reason(err), "certificate") {
		t.Errorf("an unknown authority gives %v", err)
	}
	for name, settings := range map[string]map[string]string{
		"cafile":     {"cafile": ca},
		"ca":         {"ca": strings.ReplaceAll(string(data), "\n", `\n`)},
		"strict-ssl": {"strict-ssl": "false"},
	} {
		if err := ask(t, npmFrom(settings), server.URL); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(name, ca)
			if err := ask(t, npmFrom(nil), server.URL); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestCABundle(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	one, two := write("one", "ONE\n"), write("two", "TWO")
	n := npmFrom(map[string]string{"cafile": two, "ca": `THREE\nMORE`})
	got := n.CABundle([]string{"SSL_CERT_FILE=" + one, "NODE_EXTRA_CA_CERTS=" + one})
	system, _ := os.ReadFile(systemBundle)
	want := "ONE\nTWO\nTHREE\nMORE\n"
	if !bytes.HasSuffix(got, []byte(want)) || bytes.Count(got, []byte("ONE")) != 1 {
		t.Errorf("got … %q, want %q", got[max(0, len(got)-80):], want)
	}
	if !bytes.HasPrefix(got, bytes.TrimSpace(system)) {
		t.Error("the system's authorities are not first")
	}
	if again := npmFrom(nil).CABundle([]string{"SSL_CERT_FILE=" + dir + "/gone"}); !bytes.Equal(bytes.TrimSpace(again), bytes.TrimSpace(system)) {
		t.Error("a file that is not there changes the bundle")
	}
}

func TestProxies(t *testing.T) {
	var through []string
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		through = append(through, r.URL.String())
	}))
	defer proxy.Close()
	n := npmFrom(map[string]string{"proxy": proxy.URL, "noproxy": "direct.test"})
	if err := ask(t, n, "http://registry.test/x"); err != nil {
		t.Error(err)
	}
	if err := ask(t, n, "http://direct.test/x"); err == nil {
		t.Error("noproxy was asked through the proxy")
	}
	if len(through) != 1 || through[0] != "http://registry.test/x" {
		t.Errorf("the proxy saw %v", through)
	}
	if got := firstSet("", "null", "false", "x"); got != "x" {
		t.Errorf("firstSet gives %q", got)
	}
}

func TestReason(t *testing.T) {
	if err := ask(t, npmFrom(nil), "http://no-such-host.invalid/"); err == nil || !strings.Contains(reason(err), "no-such-host.invalid") {
		t.Errorf("got %v", err)
	}
	if got := bare(&url.URL{Scheme: "http", Host: "h", User: url.UserPassword("a", "b"), Path: "/x", RawQuery: "token=1", Fragment: "f"}); got != "http://h/x" {
		t.Errorf("bare gives %q", got)
	}
}
