package probe

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sandwright/sandwright/internal/spec"
)

// raw answers each request with what talk writes.
func raw(t *testing.T, talk func(net.Conn)) string {
	t.Helper()
	return serve(t, listen(t), func(conn net.Conn) {
		if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
			talk(conn)
		}
	})
}

// forever writes text until nobody listens.
func forever(conn net.Conn, text string) {
	for err := error(nil); err == nil; {
		_, err = io.WriteString(conn, text)
	}
}

// drip writes text byte by byte, slowly.
func drip(conn net.Conn, text string) {
	for i := range len(text) {
		if _, err := io.WriteString(conn, text[i:i+1]); err != nil {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func TestHTTPHostile(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	for name, tt := range map[string]struct {
		talk func(net.Conn)
		body string
		want string
	}{
		"endless headers":    {func(c net.Conn) { io.WriteString(c, ok); forever(c, "a: "+strings.Repeat("b", 1000)+"\r\n") }, "", "GET ADDR: server response headers exceeded 65536 bytes; aborted"},
		"endless line":       {func(c net.Conn) { io.WriteString(c, ok+"a: "); forever(c, strings.Repeat("b", 1000)) }, "", "GET ADDR: server response headers exceeded 65536 bytes; aborted"},
		"endless interim":    {func(c net.Conn) { forever(c, "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n") }, "", "*"},
		"slow headers":       {func(c net.Conn) { drip(c, ok+"a: "+strings.Repeat("b", 1000)) }, "", "GET ADDR: no answer within 1s"},
		"slow body":          {func(c net.Conn) { io.WriteString(c, ok+"\r\n"); drip(c, strings.Repeat("b", 1000)) }, "", ""},
		"slow body to match": {func(c net.Conn) { io.WriteString(c, ok+"\r\n"); drip(c, strings.Repeat("b", 1000)) }, "c", "GET ADDR: no whole answer within 1s"},
		"endless body":       {func(c net.Conn) { io.WriteString(c, ok+"\r\n"); forever(c, strings.Repeat("b", 1000)) }, "c", `GET ADDR: 200 OK, and the body does not match "c"`},
		"match in endless":   {func(c net.Conn) { io.WriteString(c, ok+"\r\nready "); forever(c, strings.Repeat("b", 1000)) }, "^ready", ""},
		"match too late":     {func(c net.Conn) { io.WriteString(c, ok+"\r\n"+strings.Repeat("b", maxBody)+"ready") }, "ready", `GET ADDR: 200 OK, and the body does not match "ready"`},
		"cut body":           {func(c net.Conn) { io.WriteString(c, ok+"Content-Length: 9\r\n\r\nrea") }, "ready", "GET ADDR: connection closed within the answer"},
		"cut, and matched":   {func(c net.Conn) { io.WriteString(c, ok+"Content-Length: 9\r\n\r\nready") }, "ready", ""},
		"garbage":            {func(c net.Conn) { io.WriteString(c, "\x1b[2J\x00\xff\r\n\r\n") }, "", `GET ADDR: malformed HTTP response "\x1b[2J\x00\xff"`},
		"odd status":         {func(c net.Conn) { io.WriteString(c, "HTTP/1.1 999 x\r\n\r\n") }, "", "GET ADDR: 999"},
		"half-close":         {func(c net.Conn) { c.(*net.TCPConn).CloseWrite(); io.Copy(io.Discard, c) }, "", "GET ADDR: connection closed without an answer"},
		"reset":              {func(c net.Conn) { c.(*net.TCPConn).SetLinger(0) }, "", "GET ADDR: connection reset by peer"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := "http://" + raw(t, tt.talk)
			_, err := attempt(t, spec.Probe{HTTP: address, Body: tt.body}, map[bool]time.Duration{true: time.Second, false: patience}[strings.HasPrefix(name, "slow")])
			if got := reasonOf(err, address); got != tt.want && (tt.want != "*" || err == nil) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// A reason is one short line, whatever the server says.
func TestHTTPReasonIsPrintable(t *testing.T) {
	address := "http://" + raw(t, func(c net.Conn) { io.WriteString(c, strings.Repeat("\x1b[31m", 5000)+"\r\n\r\n") })
	_, err := attempt(t, spec.Probe{HTTP: address}, patience)
	if got := reasonOf(err, address); err == nil || len(got) > phraseBytes+50 || strings.ContainsAny(got, "\x1b\n") {
		t.Errorf("got %q", got)
	}
}
