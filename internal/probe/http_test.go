package probe

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sandwright/sandwright/internal/spec"
)

// tryOnce asks address once.
func tryOnce(t *testing.T, address string) (string, error) {
	t.Helper()
	timeout := patience
	if strings.HasSuffix(address, "/slow") {
		timeout = 200 * time.Millisecond
	}
	return attempt(t, spec.Probe{HTTP: address}, timeout)
}

func TestHTTPAnswers(t *testing.T) {
	mux := http.NewServeMux()
	for path, code := range map[string]int{"/health": 200, "/none": 204, "/moved": 302, "/missing": 404, "/busy": 503, "/odd": 599} {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "/missing")
			w.WriteHeader(code)
		})
	}
	mux.HandleFunc("/slow", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	mux.HandleFunc("/cut", func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			conn.Close()
		}
	})
	mux.HandleFunc("/endless", func(w http.ResponseWriter, _ *http.Request) {
		for err := error(nil); err == nil; {
			_, err = w.Write(make([]byte, 4096))
		}
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	tests := []struct{ path, how, why string }{
		{"/health?full=1", "GET /health?full=1 200", ""},
		{"/none", "GET /none 204", ""},
		{"/moved", "GET /moved 302", ""},
		{"/endless", "GET /endless 200", ""},
		{"/missing", "", "GET URL/missing: 404 Not Found"},
		{"/busy", "", "GET URL/busy: 503 Service Unavailable"},
		{"/odd", "", "GET URL/odd: 599"},
		{"/slow", "", "GET URL/slow: no answer within 200ms"},
		{"/cut", "", "GET URL/cut: connection closed without an answer"},
	}
	for _, tt := range tests {
		how, err := tryOnce(t, server.URL+tt.path)
		why := ""
		if err != nil {
			why = strings.ReplaceAll(err.Error(), server.URL, "URL")
		}
		if how != tt.how || why != tt.why {
			t.Errorf("%s: %q, %q, want %q, %q", tt.path, how, why, tt.how, tt.why)
		}
	}
}

func TestHTTPReasonsAreShort(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := "http://" + l.Addr().String() + "/health"
	l.Close()
	if _, err := tryOnce(t, address); err == nil || err.Error() != "GET "+address+": connection refused" {
		t.Errorf("got %v", err)
	}
	speaksNoHTTP := "http://" + greeter(t) + "/"
	if _, err := tryOnce(t, speaksNoHTTP); err == nil || !strings.Contains(err.Error(), "malformed HTTP") {
		t.Errorf("got %v", err)
	}
}

func TestHTTPUsesNoProxy(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	t.Setenv("HTTP_PROXY", "http://"+greeter(t))
	t.Setenv("NO_PROXY", "")
	if _, err := tryOnce(t, server.URL); err == nil || !strings.HasSuffix(err.Error(), "404 Not Found") {
		t.Errorf("got %v", err)
	}
}
