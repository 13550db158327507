package control

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

// Paths and who answers them.
func TestRoutes(t *testing.T) {
	says := func(what string) func(http.ResponseWriter, *http.Request) error {
		return func(w http.ResponseWriter, r *http.Request) error {
			_, err := fmt.Fprintf(w, "%s %q", what, r.PathValue(serviceName))
			return err
		}
	}
	rs := routes{{"GET", "/v1/a", says("a")}, {"POST", "/v1/s/*/stop", says("stop")}, {"POST", "/v1/s/*/start", says("start")}}
	for _, tt := range []struct{ method, target, want, allow string }{
		{"GET", "/v1/a", `200 a ""`, ""},
		{"HEAD", "/v1/a", `200 a ""`, ""},
		{"GET", "/v1/a?x=y", `200 a ""`, ""},
		{"GET", "/v1/%61", `200 a ""`, ""},
		{"POST", "/v1/s/web/start", `200 start "web"`, ""},
		{"POST", "/v1/s/we%20b%2F%C3%A9/stop", `200 stop "we b/é"`, ""},
		{"POST", "/v1/s/%2E%2E/stop", `200 stop ".."`, ""},
		{"POST", "/v1/s//stop", `200 stop ""`, ""},
		{"POST", "/v1/a", `405 {"error":"cannot \"POST\" here","hint":"it is GET, HEAD"}`, "GET, HEAD"},
		{"HEAD", "/v1/s/web/stop", `405 {"error":"cannot \"HEAD\" here","hint":"it is POST"}`, "POST"},
		{"GET", "/v1/a/", `404 {"error":"cannot find \"/v1/a/\"","hint":"look at docs/control.md"}`, ""},
		{"GET", "//v1/a", `404 {"error":"cannot find \"//v1/a\"","hint":"look at docs/control.md"}`, ""},
		{"GET", "/v1/../v1/a", `404 {"error":"cannot find \"/v1/../v1/a\"","hint":"look at docs/control.md"}`, ""},
		{"GET", "/v1%2Fa", `404 {"error":"cannot find \"/v1/a\"","hint":"look at docs/control.md"}`, ""},
		{"POST", "/v1/s/web", `404 {"error":"cannot find \"/v1/s/web\"","hint":"look at docs/control.md"}`, ""},
		{"POST", "/v1/s/a/b/stop", `404 {"error":"cannot find \"/v1/s/a/b/stop\"","hint":"look at docs/control.md"}`, ""},
		{"POST", "/v1/s/*/halt", `404 {"error":"cannot find \"/v1/s/*/halt\"","hint":"look at docs/control.md"}`, ""},
		{"GET", "/", `404 {"error":"cannot find \"/\"","hint":"look at docs/control.md"}`, ""},
	} {
		w := httptest.NewRecorder()
		rs.ServeHTTP(w, httptest.NewRequest(tt.method, tt.target, nil))
		body, err := io.ReadAll(w.Body)
		if got := fmt.Sprint(w.Code, " ", string(body)); got != tt.want && got != tt.want+"\n" || err != nil {
			t.Errorf("%s %s: %s, %v, want %s", tt.method, tt.target, got, err, tt.want)
		}
		if allow := w.Header().Get("Allow"); allow != tt.allow {
			t.Errorf("%s %s: allow %q, want %q", tt.method, tt.target, allow, tt.allow)
		}
	}
}

// Whatever is asked for, something is answered.
func FuzzRoutes(f *testing.F) {
	for _, path := range []string{"", "/", "*", "/v1/status", "/v1/services/a%2Fb/start", "/v1/services/%zz/stop", "//x//"} {
		f.Add(path)
	}
	rs := (&handler{supervisor: &script{}}).routes()
	f.Fuzz(func(t *testing.T, path string) {
		r := httptest.NewRequest(http.MethodPatch, "/", nil) // a method that no route has
		r.URL.Path, r.URL.RawPath = path, path
		w := httptest.NewRecorder()
		rs.ServeHTTP(w, r)
		if w.Code != http.StatusNotFound && w.Code != http.StatusMethodNotAllowed || w.Body.Len() == 0 {
			t.Errorf("%q: %d %s", path, w.Code, w.Body)
		}
	})
}
