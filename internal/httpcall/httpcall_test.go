package httpcall

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what should come at once.
const patience = 20 * time.Second

// to dials address.
func to(network, address string) func(context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) { return new(net.Dialer).DialContext(ctx, network, address) }
}

// peer is a dial to somebody who says what talk says, once the question has
// come, and then hangs up. asked is the question.
func peer(t *testing.T, talk func(net.Conn)) (dial func(context.Context) (net.Conn, error), asked <-chan string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	got, done := make(chan string, 1), make(chan struct{})
	go func() {
		defer close(done)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		var text strings.Builder
		in := bufio.NewReader(conn)
		for line := ""; line != "\r\n" && err == nil; text.WriteString(line) {
			line, err = in.ReadString('\n')
		}
		got <- text.String()
		talk(conn)
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
	})
	return to("tcp", l.Addr().String()), got
}

func says(text string) func(net.Conn) {
	return func(conn net.Conn) { _, _ = io.WriteString(conn, text) }
}

// forever writes text until nobody listens.
func forever(conn net.Conn, text string) {
	for err := error(nil); err == nil; {
		_, err = io.WriteString(conn, text)
	}
}

// waits until the other side hangs up.
func waits(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }

func get() Question { return Question{Method: http.MethodGet, Target: "/a?b=c", Host: "box"} }

// The question as it goes over the wire, and nothing that could make two of it.
func TestQuestions(t *testing.T) {
	header := func(pairs ...string) http.Header {
		h := http.Header{}
		for i := 0; i < len(pairs); i += 2 {
			h.Set(pairs[i], pairs[i+1])
		}
		return h
	}
	for _, tt := range []struct {
		q    Question
		want string
	}{
		{get(), "GET /a?b=c HTTP/1.1\r\nHost: box\r\nConnection: close\r\n\r\n"},
		{Question{Method: "POST", Target: "/", Host: "[::1]:80"}, "POST / HTTP/1.1\r\nHost: [::1]:80\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"},
		{Question{Method: "GET", Target: "/", Header: header("X-B", "2", "a", "1")}, "GET / HTTP/1.1\r\nHost: \r\nConnection: close\r\nA: 1\r\nX-B: 2\r\n\r\n"},
		{
			Question{Method: "GET", Target: "/", Header: header("Connection", "Upgrade", "Upgrade", "websocket")},
			"GET / HTTP/1.1\r\nHost: \r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
		},
		{
			Question{Method: "GET", Target: "/", Host: "h", Header: header("Host", "other", "Content-Length", "5", "Transfer-Encoding", "chunked", "Trailer", "X")},
			"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
		},
		{
			Question{Method: "GET", Target: "/", Header: header("X", "a\r\nHost: b", "Y: z\r\nZ", "1")},
			"GET / HTTP/1.1\r\nHost: \r\nConnection: close\r\nX: a  Host: b\r\n\r\n",
		},
	} {
		dial, asked := peer(t, says("HTTP/1.1 204 No Content\r\n\r\n"))
		answer, err := Ask(t.Context(), dial, tt.q)
		if err != nil {
			t.Fatalf("%+v: %v", tt.q, err)
		}
		answer.Body.Close()
		if diff := cmp.Diff(tt.want, <-asked); diff != "" {
			t.Errorf("%+v: -want +got:\n%s", tt.q, diff)
		}
	}
}

func TestQuestionsThatAreTwo(t *testing.T) {
	dial := func(context.Context) (net.Conn, error) { panic("dialed") }
	for _, q := range []Question{
		{Method: "GET", Target: "/ HTTP/1.1\r\nX: y", Host: "h"}, {Method: "GET", Target: "/", Host: "h\r\nX: y"}, {Method: "GET\n", Target: "/"},
		{Method: "GET", Target: "/a b"}, {Method: "GET", Target: "/\x7f"}, {Method: "GET", Target: "/", Host: "h\x00"},
	} {
		if _, err := Ask(t.Context(), dial, q); err == nil || err.Error() != "a method, path or host holds a space or a control character" {
			t.Errorf("%q: %v", q, err)
		}
	}
}

// What net/http's own server says arrives, however it frames it.
func TestAnswersOfARealServer(t *testing.T) {
	big := strings.Repeat("0123456789", 50_000)
	mux := http.NewServeMux()
	mux.HandleFunc("/plain", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })
	mux.HandleFunc("/chunks", func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(big); i += 1000 {
			_, _ = io.WriteString(w, big[i:i+1000])
		}
	})
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/plain", http.StatusFound) })
	mux.HandleFunc("/early", func(w http.ResponseWriter, _ *http.Request) {
		for range 5 {
			w.WriteHeader(http.StatusEarlyHints)
		}
		w.WriteHeader(http.StatusTeapot)
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	dial := to("tcp", server.Listener.Addr().String())
	for path, want := range map[string]struct {
		code int
		body string
	}{"/plain": {200, "hello"}, "/chunks": {200, big}, "/moved": {302, "<a href=\"/plain\">Found</a>.\n\n"}, "/early": {418, ""}, "/none": {404, "404 page not found\n"}} {
		answer, err := Ask(t.Context(), dial, Question{Method: http.MethodGet, Target: path, Host: "h"})
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		body, err := io.ReadAll(iotest.HalfReader(answer.Body))
		if answer.StatusCode != want.code || string(body) != want.body || err != nil {
			t.Errorf("%s: %d, %d bytes, %v", path, answer.StatusCode, len(body), err)
		}
		if err := answer.Body.Close(); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// The body of an answer, and what breaks it off.
func TestBodies(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	for said, want := range map[string]struct {
		body string
		err  error
	}{
		ok + "\r\nto the end":                                                 {"to the end", nil},
		"HTTP/1.0 200\r\n\r\nold":                                             {"old", nil},
		ok + "Content-Length: 2\r\n\r\nabc":                                   {"ab", nil},
		ok + "Content-Length: 9\r\n\r\nabc":                                   {"abc", io.ErrUnexpectedEOF},
		ok + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n":        {"abc", nil},
		ok + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n":                 {"abc", io.ErrUnexpectedEOF},
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nanother voice": {"", nil},
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\nx":               {"x", nil},
	} {
		dial, _ := peer(t, says(said))
		answer, err := Ask(t.Context(), dial, get())
		if err != nil {
			t.Errorf("%q: %v", said, err)
			continue
		}
		body, err := io.ReadAll(answer.Body)
		if string(body) != want.body || !errors.Is(err, want.err) {
			t.Errorf("%q: %q, %v", said, body, err)
		}
		answer.Body.Close()
	}
}

// What is no answer is an error, and costs a bounded time and memory.
func TestHostileAnswers(t *testing.T) {
	const tooLong = "server response headers exceeded 65536 bytes; aborted"
	const ok = "HTTP/1.1 200 OK\r\n"
	for name, tt := range map[string]struct {
		talk func(net.Conn)
		want string
	}{
		"nothing":         {says(""), "unexpected EOF"},
		"half a line":     {says("HTTP/1.1 2"), `malformed HTTP status code "2"`},
		"half a header":   {says(ok + "A: b\r\n"), "unexpected EOF"},
		"interim only":    {says("HTTP/1.1 103 Early Hints\r\n\r\n"), "unexpected EOF"},
		"garbage":         {says("\x00\x01\r\n\r\n"), `malformed HTTP response "\x00\x01"`},
		"odd code":        {says("HTTP/1.1 2000 x\r\n\r\n"), `malformed HTTP status code "2000"`},
		"odd length":      {says(ok + "Content-Length: -1\r\n\r\n"), `bad Content-Length "-1"`},
		"two lengths":     {says(ok + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n"), `http: message cannot contain multiple Content-Length headers; got ["1" "2"]`},
		"endless line":    {func(c net.Conn) { forever(c, "HTTP/1.1 200 OK") }, tooLong},
		"endless headers": {func(c net.Conn) { says(ok)(c); forever(c, "A: b\r\n") }, tooLong},
		"endless interim": {func(c net.Conn) { forever(c, "HTTP/1.1 103 Early Hints\r\n\r\n") }, tooLong},
	} {
		t.Run(name, func(t *testing.T) {
			dial, _ := peer(t, tt.talk)
			if _, err := Ask(t.Context(), dial, get()); err == nil || err.Error() != tt.want {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

// A header just within the bound is taken, and the body after it has none.
func TestBoundIsTheHeadersOnly(t *testing.T) {
	head := "HTTP/1.1 200 OK\r\nA: " + strings.Repeat("a", maxHeader-100) + "\r\n\r\n"
	dial, _ := peer(t, says(head+strings.Repeat("b", 5*maxHeader)))
	answer, err := Ask(t.Context(), dial, get())
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if n, err := io.Copy(io.Discard, answer.Body); n != 5*maxHeader || err != nil {
		t.Errorf("got %d bytes, %v", n, err)
	}
}

// Whoever hangs up before it has heard all may have said why.
func TestAnswerBeforeTheQuestionIsOver(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dial := func(ctx context.Context) (net.Conn, error) {
		conn, err := to("tcp", l.Addr().String())(ctx)
		if err != nil {
			return nil, err
		}
		server, err := l.Accept()
		if err != nil {
			return nil, err
		}
		says("HTTP/1.1 431 Too Large\r\n\r\n")(server)
		server.Close()
		return mute{conn}, nil
	}
	answer, err := Ask(t.Context(), dial, get())
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("got %s", answer.Status)
	}
	reset := func(context.Context) (net.Conn, error) {
		here, there := net.Pipe()
		there.Close()
		return here, nil
	}
	if _, err := Ask(t.Context(), reset, get()); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got %v", err)
	}
}

// A mute connection cannot be written to.
type mute struct{ net.Conn }

func (mute) Write([]byte) (int, error) { return 0, errors.New("nobody reads") }

// The end of ctx is the error, wherever it finds us, and hangs up.
func TestContextEnds(t *testing.T) {
	for name, talk := range map[string]func(net.Conn){
		"before the header": waits,
		"within the header": func(c net.Conn) { says("HTTP/1.1 200 OK\r\nA:")(c); waits(c) },
		"within the body":   func(c net.Conn) { says("HTTP/1.1 200 OK\r\n\r\nab")(c); waits(c) },
		"within a chunk":    func(c net.Conn) { says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nab")(c); waits(c) },
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			gone := make(chan struct{})
			dial, _ := peer(t, func(c net.Conn) {
				time.AfterFunc(20*time.Millisecond, cancel)
				talk(c)
				close(gone)
			})
			answer, err := Ask(ctx, dial, get())
			if err == nil {
				var body []byte
				body, err = io.ReadAll(answer.Body)
				if string(body) != "ab" {
					t.Errorf("got body %q", body)
				}
			}
			if !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
			select { // without a Close
			case <-gone:
			case <-time.After(patience):
				t.Error("the connection is still there")
			}
			if answer != nil {
				if err := answer.Body.Close(); err != nil {
					t.Errorf("close: %v", err)
				}
			}
		})
	}
}

// A dial whose ctx ends fails with that, and one that fails with its own error.
func TestDialFails(t *testing.T) {
	nobody := errors.New("nobody there")
	if _, err := Ask(t.Context(), func(context.Context) (net.Conn, error) { return nil, nobody }, get()); !errors.Is(err, nobody) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	dial := func(ctx context.Context) (net.Conn, error) {
		<-ctx.Done()
		return nil, nobody
	}
	if _, err := Ask(ctx, dial, get()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

// Whoever has heard enough hangs up, without hearing the rest; and a stream
// comes as it is written.
func TestStreamsAndHangsUp(t *testing.T) {
	lines, gone := make(chan string), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for line := range lines {
			_, _ = io.WriteString(w, line)
			_ = http.NewResponseController(w).Flush()
		}
		<-r.Context().Done()
		close(gone)
	}))
	defer server.Close()
	say := func(line string) { lines <- line }
	go say("one\n")
	answer, err := Ask(t.Context(), to("tcp", server.Listener.Addr().String()), get())
	if err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(answer.Body)
	for _, want := range []string{"one\n", "two\n", "three\n"} {
		got, err := in.ReadString('\n')
		if got != want || err != nil {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
		if want == "one\n" {
			say("two\n")
			say("three\n")
		}
	}
	close(lines)
	for range 2 { // a second Close changes nothing
		if err := answer.Body.Close(); err != nil {
			t.Error(err)
		}
	}
	select {
	case <-gone:
	case <-time.After(patience):
		t.Error("the server is still waiting")
	}
	if _, err := answer.Body.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("read after close: %v", err)
	}
}

// Whatever is said, the exchange ends, and no more than the bound is a header.
func FuzzAsk(f *testing.F) {
	for _, said := range []string{
		"", "HTTP/1.1 200 OK\r\n\r\nbody", "HTTP/1.1 103 x\r\n\r\nHTTP/1.0 200\r\nA: b\r\n c\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
		"HTTP/1.1 304 x\r\nContent-Length: 99999999999\r\n\r\n", "\x16\x03\x01",
	} {
		f.Add([]byte(said))
	}
	f.Fuzz(func(t *testing.T, said []byte) {
		dial := func(context.Context) (net.Conn, error) { return &tape{said: said}, nil }
		answer, err := Ask(t.Context(), dial, get())
		if err != nil {
			return
		}
		n, err := io.Copy(io.Discard, answer.Body)
		if n > int64(len(said)) || answer.StatusCode < 101 && answer.StatusCode >= 100 {
			t.Errorf("%d: %d bytes, %v", answer.StatusCode, n, err)
		}
		answer.Body.Close()
	})
}

// A tape is a connection that says one thing.
type tape struct {
	net.Conn
	said []byte
}

func (t *tape) Write(p []byte) (int, error) { return len(p), nil }
func (t *tape) Close() error                { return nil }
func (t *tape) Read(p []byte) (int, error) {
	if len(t.said) == 0 {
		return 0, io.EOF
	}
	n := copy(p, t.said)
	t.said = t.said[n:]
	return n, nil
}
