package probe

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sandwright/sandwright/internal/spec"
	"go.uber.org/goleak"
)

// patience is how long a test waits for what should come at once.
const patience = 20 * time.Second

func TestMain(m *testing.M) {
	if os.Getenv(speakEnv) != "" {
		os.Exit(speak(os.Args[1:]))
	}
	goleak.VerifyTestMain(m)
}

// attempt makes one attempt with the check that p describes.
func attempt(t *testing.T, p spec.Probe, timeout time.Duration) (string, error) {
	t.Helper()
	check, err := New(p, nil)
	if err != nil {
		t.Fatal(err)
	}
	a := asker{check: check, timeout: timeout}
	return a.ask(t.Context())
}

// serve has talk speak with everybody who connects. The connections are closed
// when the test ends.
func serve(t *testing.T, l net.Listener, talk func(net.Conn)) string {
	t.Helper()
	var all sync.WaitGroup
	var lock sync.Mutex
	var open []net.Conn
	t.Cleanup(func() {
		l.Close()
		lock.Lock()
		for _, conn := range open {
			conn.Close()
		}
		lock.Unlock()
		all.Wait()
	})
	all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			lock.Lock()
			open = append(open, conn)
			lock.Unlock()
			all.Go(func() {
				defer conn.Close()
				talk(conn)
			})
		}
	})
	return l.Addr().String()
}

// listen is a listener on a free port of this machine.
func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// refusing is an address where nobody listens.
func refusing(t *testing.T) string {
	t.Helper()
	l := listen(t)
	defer l.Close()
	return l.Addr().String()
}

// greeter says hello to everybody who asks for anything.
func greeter(t *testing.T) string {
	t.Helper()
	return serve(t, listen(t), func(conn net.Conn) {
		_, _ = conn.Read(make([]byte, 1))
		_, _ = io.WriteString(conn, "hello, what would you like?\n")
	})
}

// silent takes connections and reads, and never answers.
func silent(t *testing.T) string {
	t.Helper()
	return serve(t, listen(t), func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) })
}

// reasonOf is err's text with the address taken out.
func reasonOf(err error, address string) string {
	if err == nil {
		return ""
	}
	return strings.ReplaceAll(err.Error(), address, "ADDR")
}

func detailOf(err error) string {
	var f *Failure
	if errors.As(err, &f) {
		return f.Detail
	}
	return ""
}

func TestNewRefusesWhatIsNotAsked(t *testing.T) {
	for _, p := range []spec.Probe{{}, {FD: 3}, {Notify: true}, {Log: "x"}, {HTTP: "x"}, {HTTP: "http://x", TCP: "x:1"}, {GRPC: "x"}} {
		if check, err := New(p, nil); err == nil || check != nil {
			t.Errorf("%+v: %v, %v", p, check, err)
		}
	}
}

func TestUnasked(t *testing.T) {
	for want, p := range map[string]spec.Probe{
		"GET http://127.0.0.1:1/: no answer yet": {HTTP: "http://127.0.0.1:1/"},
		"GET http://me:xxxxx@db/: no answer yet": {HTTP: "http://me:secret@db/"},
		"no newline on fd 3":                     {FD: 3},
		"no READY=1":                             {Notify: true},
		`no line that matches "^up"`:             {Log: "^up"},
		"pg_isready: not done yet":               {Exec: []string{"pg_isready", "-q"}},
		"connect to db:5432: no answer yet":      {TCP: "db:5432"},
		"connect to /run/db.sock: no answer yet": {TCP: "db", Socket: "/run/db.sock"},
		"grpc db:1/x.Y: no answer yet":           {GRPC: "db:1/x.Y"},
		`"" is no http URL`:                      {},
	} {
		if got := Unasked(p).Error(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestTCP(t *testing.T) {
	address := silent(t)
	if how, err := attempt(t, spec.Probe{TCP: address}, patience); how != "connection to "+address || err != nil {
		t.Errorf("got %q, %v", how, err)
	}
	path := t.TempDir() + "/s"
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	serve(t, l, func(net.Conn) {})
	if how, err := attempt(t, spec.Probe{TCP: "db", Socket: path}, patience); how != "connection to "+path || err != nil {
		t.Errorf("got %q, %v", how, err)
	}
	nobody := refusing(t)
	for want, p := range map[string]spec.Probe{
		"connect to ADDR: connection refused":              {TCP: nobody},
		"connect to /nowhere/s: no such file or directory": {TCP: "db", Socket: "/nowhere/s"},
	} {
		if _, err := attempt(t, p, patience); reasonOf(err, nobody) != want {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// A backlog that is full leaves a connection without an answer.
func TestTCPHangs(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	<-ctx.Done()
	check, err := New(spec.Probe{TCP: silent(t)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = check.Try(ctx)
	if err = within(err, time.Nanosecond); err == nil || !strings.HasSuffix(err.Error(), ": no answer within 1ns") {
		t.Errorf("got %v", err)
	}
}
