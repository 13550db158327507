// Package httpcall asks one question over HTTP/1.1, on a connection of its
// own, and gives the answer as it comes. It is for the two clients in
// sandwright-init, a probe and the control client: they need no pool, proxy,
// redirect, cookie or HTTP/2, and net/http's client would be a thirtieth of
// that binary. Nothing but the standard library.
package httpcall

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"strings"
)

// maxHeader bounds an answer's status line and header in bytes, the 1xx
// answers before it included.
const maxHeader = 64 << 10

// A Question is a request without a body.
type Question struct {
	Method string
	Target string // path and query, escaped
	Host   string // of the Host header
	// Header has the other fields. Those that would frame a body are left out;
	// without a Connection it is close.
	Header http.Header
}

// Ask sends q on the connection that dial opens, and returns once an answer
// other than 1xx has its whole header. The caller closes the answer's body, and
// that ends the connection. The end of ctx does so too: Ask and the body then
// fail with ctx's error. Of a redirect the answer is the redirect.
func Ask(ctx context.Context, dial func(context.Context) (net.Conn, error), q Question) (*http.Response, error) {
	if strings.ContainsFunc(q.Method+q.Target+q.Host, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return nil, errors.New("a method, path or host holds a space or a control character")
	}
	conn, err := dial(ctx)
	if err != nil {
		return nil, because(ctx, err)
	}
	x := &exchange{ctx: ctx, conn: conn}
	x.stop = context.AfterFunc(ctx, func() { _ = conn.Close() })
	answer, err := x.ask(q)
	if err != nil {
		_ = x.Close()
		return nil, because(ctx, err)
	}
	x.body, answer.Body = answer.Body, x
	return answer, nil
}

// because is why something failed: the end of ctx, if that came first.
func because(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// An exchange is a connection with its one answer, whose body it is.
type exchange struct {
	ctx  context.Context
	conn net.Conn
	stop func() bool // ctx no longer closes conn
	body io.Reader
}

// ask sends q and reads the answer's header. A peer that hangs up at once may
// have said why, so what could not be sent is no error where there is an answer.
func (x *exchange) ask(q Question) (*http.Response, error) {
	_, unsent := x.conn.Write(q.bytes())
	limit := &io.LimitedReader{R: x.conn, N: maxHeader}
	in := bufio.NewReader(limit)
	for {
		answer, err := http.ReadResponse(in, &http.Request{Method: q.Method})
		switch {
		case err == nil && isInterim(answer.StatusCode):
			continue
		case err == nil:
			limit.N = math.MaxInt64
			return answer, nil
		case limit.N <= 0:
			return nil, fmt.Errorf("server response headers exceeded %d bytes; aborted", maxHeader)
		case unsent != nil:
			return nil, unsent
		}
		return nil, err
	}
}

// isInterim tells whether another answer follows. After 101, which nobody has
// asked for, none does.
func isInterim(code int) bool {
	return code >= 100 && code < 200 && code != http.StatusSwitchingProtocols
}

// Read reads the answer's body.
func (x *exchange) Read(p []byte) (int, error) {
	n, err := x.body.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = because(x.ctx, err)
	}
	return n, err
}

// Close hangs up, whatever is still to come.
func (x *exchange) Close() error {
	if !x.stop() {
		return nil // ctx's end does it
	}
	return x.conn.Close()
}

// bytes is q as it is sent.
func (q Question) bytes() []byte {
	var out bytes.Buffer
	out.WriteString(q.Method + " " + q.Target + " HTTP/1.1\r\nHost: " + q.Host + "\r\n")
	if q.Header.Get("Connection") == "" {
		out.WriteString("Connection: close\r\n")
	}
	if q.Method != http.MethodGet && q.Method != http.MethodHead {
		out.WriteString("Content-Length: 0\r\n")
	}
	// A Buffer takes whatever is written to it.
	_ = q.Header.WriteSubset(&out, map[string]bool{"Host": true, "Content-Length": true, "Transfer-Encoding": true, "Trailer": true})
	out.WriteString("\r\n")
	return out.Bytes()
}
