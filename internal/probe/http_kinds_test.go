package probe

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sandwright/sandwright/internal/spec"
)

// echo answers with what it has been asked.
func echo(w http.ResponseWriter, r *http.Request) {
	user, password, _ := r.BasicAuth()
	fmt.Fprintf(w, "%s %s host=%s agent=%s x=%s user=%s:%s close=%t", r.Proto, r.RequestURI, r.Host, r.UserAgent(), r.Header.Get("X-Probe"), user, password, r.Close)
}

func TestHTTPSends(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(echo))
	defer server.Close()
	address := server.Listener.Addr().String()
	for _, p := range []spec.Probe{
		{HTTP: server.URL + "/a?b=c", Body: "^HTTP/1.1 /a\\?b=c host=" + address + " agent=sandwright-init x= user=: close=true$"},
		{HTTP: server.URL, Body: "host=db.example agent=me x=1 2 ", Headers: map[string]string{"host": "db.example", "user-agent": "me", "x-probe": "1 2"}},
		{HTTP: "http://me:secret@" + address + "/", Body: "user=me:secret"},
	} {
		if how, err := attempt(t, p, patience); !strings.HasSuffix(how, " 200") || err != nil {
			t.Errorf("%+v: %q, %v, %s", p, how, err, detailOf(err))
		}
	}
	// What would frame a body is not sent, and what would switch protocols is.
	for _, p := range []spec.Probe{
		{HTTP: server.URL, Body: "agent= x=y user=you:", Headers: map[string]string{"User-Agent": "", "X-Probe": "y", "Authorization": "Basic eW91Og==", "Content-Length": "5"}},
		{HTTP: server.URL, Body: "close=false", Headers: map[string]string{"Connection": "Upgrade", "Upgrade": "websocket"}},
	} {
		if how, err := attempt(t, p, patience); how != "GET / 200" || err != nil {
			t.Errorf("%+v: %q, %v, %s", p, how, err, detailOf(err))
		}
	}
	_, err := attempt(t, spec.Probe{HTTP: "http://me:secret@" + address + "/", Body: "x=y"}, patience)
	if want := "GET http://me:xxxxx@ADDR/: 200 OK, and the body does not match \"x=y\""; reasonOf(err, address) != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if want := "HTTP/1.1 / host=" + address; !strings.HasPrefix(detailOf(err), want) {
		t.Errorf("got detail %q, want %q", detailOf(err), want)
	}
}

// The certificate of nobody known is taken, and HTTP/1 spoken also to who has more.
func TestHTTPS(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(echo))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	if how, err := attempt(t, spec.Probe{HTTP: server.URL + "/", Body: "^HTTP/1.1 "}, patience); how != "GET / 200" || err != nil {
		t.Errorf("%q, %v", how, err)
	}
	address := "https://" + greeter(t)
	if _, err := attempt(t, spec.Probe{HTTP: address}, patience); err == nil || !strings.Contains(err.Error(), "does not look like a TLS handshake") {
		t.Errorf("got %v", err)
	}
	plain := httptest.NewServer(http.HandlerFunc(echo))
	defer plain.Close()
	address = "https://" + plain.Listener.Addr().String()
	if _, err := attempt(t, spec.Probe{HTTP: address}, patience); reasonOf(err, address) != "GET ADDR: server gave HTTP response to HTTPS client" {
		t.Errorf("got %v", err)
	}
	old := httptest.NewUnstartedServer(http.HandlerFunc(echo))
	old.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10}
	old.StartTLS()
	defer old.Close()
	if _, err := attempt(t, spec.Probe{HTTP: old.URL}, patience); err == nil || !strings.Contains(err.Error(), "protocol version") {
		t.Errorf("got %v", err)
	}
}

// Where a URL leads, and what the server is told of it.
func TestQuestions(t *testing.T) {
	for address, want := range map[string]string{
		"http://a":                      "/ a",
		"http://a:8080/b%2Fc?d=e%20f#g": "/b%2Fc?d=e%20f a:8080",
		"https://u:p@[::1]:8443/?":      "/? [::1]:8443",
		"http://[fe80::1%25eth0]:80/":   "/ [fe80::1]:80",
	} {
		u, err := parseURL(address)
		if err != nil {
			t.Fatal(err)
		}
		if q := question(u, nil); q.Target+" "+q.Host != want {
			t.Errorf("%s: %s %s, want %s", address, q.Target, q.Host, want)
		}
	}
}

func TestHTTPOverUnixSocket(t *testing.T) {
	path := t.TempDir() + "/s"
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(echo))
	server.Listener.Close()
	server.Listener = l
	server.Start()
	defer server.Close()
	if how, err := attempt(t, spec.Probe{HTTP: "http://app/health", Socket: path, Body: "host=app "}, patience); how != "GET /health 200" || err != nil {
		t.Errorf("%q, %v", how, err)
	}
	if _, err := attempt(t, spec.Probe{HTTP: "http://app/", Socket: path + "x"}, patience); reasonOf(err, "-") != "GET http://app/: no such file or directory" {
		t.Errorf("got %v", err)
	}
}

func TestHTTPStatusAndDetail(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var code int
		fmt.Sscanf(r.URL.Path, "/%d", &code)
		w.WriteHeader(code)
		if code >= 400 {
			fmt.Fprint(w, "database: \x1b[31mdown\nqueue: fine\n")
		}
	}))
	defer server.Close()
	for _, tt := range []struct{ status, path, want string }{
		{"204,500-599", "/503", ""}, {"204,500-599", "/204", ""}, {"200", "/204", "204 No Content"}, {"", "/400", "400 Bad Request"},
		{"200-299", "/301", "301 Moved Permanently"}, {"200-299", "/404", "404 Not Found"},
	} {
		_, err := attempt(t, spec.Probe{HTTP: server.URL + tt.path, Status: tt.status}, patience)
		if got := strings.TrimPrefix(reasonOf(err, server.URL), "GET ADDR"+tt.path+": "); got != tt.want {
			t.Errorf("%s of %s: %q, want %q", tt.path, tt.status, got, tt.want)
		}
		if want := "database: �[31mdown\nqueue: fine"; strings.HasPrefix(tt.want, "40") && detailOf(err) != want {
			t.Errorf("%s: detail %q, want %q", tt.path, detailOf(err), want)
		}
	}
}
