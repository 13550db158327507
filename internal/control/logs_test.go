package control

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/logview"
	"github.com/sandwright/sandwright/internal/spec"
)

// twoServices is what a and bb have logged, and a handler for them.
func twoServices(t *testing.T, s Supervisor) (string, *Client) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"a/@1.s":     "2026-01-01 00:00:01  a1\n",
		"a/current":  "2026-01-01 00:00:03  a3 \x1b[1m<&\n",
		"bb/current": "2026-01-01 00:00:02  b2\n2026-01-01 00:00:04  b4\nnot ended",
	} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	return dir, serve(t, Handler(s, func(services []string) (LogReader, error) { return logview.Open(dir, services) }))
}

func two() *script {
	return &script{statuses: []spec.Status{services(spec.ServiceStatus{Name: "a"}, spec.ServiceStatus{Name: "bb"})}}
}

func TestLogs(t *testing.T) {
	_, c := twoServices(t, two())
	for _, tt := range []struct {
		query LogQuery
		want  string
	}{
		{LogQuery{Lines: -1}, "a  | 2026-01-01 00:00:01  a1\nbb | 2026-01-01 00:00:02  b2\na  | 2026-01-01 00:00:03  a3 \x1b[1m<&\nbb | 2026-01-01 00:00:04  b4\n"},
		{LogQuery{Lines: 1}, "a  | 2026-01-01 00:00:03  a3 \x1b[1m<&\nbb | 2026-01-01 00:00:04  b4\n"},
		{LogQuery{Lines: -1, Services: []string{"bb"}}, "2026-01-01 00:00:02  b2\n2026-01-01 00:00:04  b4\n"},
		{LogQuery{Lines: 0}, ""},
		{LogQuery{Lines: 1, Services: []string{"a"}, JSON: true}, `{"service":"a","line":"2026-01-01 00:00:03  a3 \u001b[1m\u003c\u0026"}` + "\n"},
	} {
		body, err := c.Logs(t.Context(), tt.query)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(body)
		body.Close()
		if diff := cmp.Diff(tt.want, string(got)); diff != "" || err != nil {
			t.Errorf("%+v: %v, -want +got:\n%s", tt.query, err, diff)
		}
	}
	if _, err := c.Logs(t.Context(), LogQuery{Services: []string{"aa"}}); !errors.Is(err, ErrUnknown) {
		t.Errorf("got %v", err)
	}
}

func TestLogsThatCannotBeOpened(t *testing.T) {
	c := serve(t, Handler(two(), func(services []string) (LogReader, error) {
		return nil, fault.Cannot("read the logs of %s: its own log/run keeps them", strings.Join(services, ", "))
	}))
	code, body := raw(t, c, http.MethodGet, "/v1/logs?service=a")
	if code != http.StatusUnprocessableEntity || !strings.Contains(body, "the logs of a: its own log/run keeps them") {
		t.Errorf("%d, %s", code, body)
	}
}

// Following goes on through rotations, and ends with its reader's context.
func TestLogsAreFollowedOverRotations(t *testing.T) {
	dir, c := twoServices(t, two())
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	body, err := c.Logs(ctx, LogQuery{Lines: 1, Services: []string{"a"}, Follow: true})
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	in := bufio.NewReader(body)
	expect := func(want string) {
		t.Helper()
		if line, err := in.ReadString('\n'); err != nil || !strings.HasSuffix(line, want+"\n") {
			t.Fatalf("got %q, %v, want %s", line, err, want)
		}
	}
	expect("<&")
	current := filepath.Join(dir, "a/current")
	for i := range 3 {
		f, err := os.OpenFile(current, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(f, "first %d\n", i)
		expect(fmt.Sprint("first ", i))
		fmt.Fprintf(f, "second %d\n", i)
		f.Close()
		if err := errors.Join(os.Rename(current, filepath.Join(dir, fmt.Sprintf("a/@2%d.s", i))), os.WriteFile(current, nil, 0o644)); err != nil {
			t.Fatal(err)
		}
		expect(fmt.Sprint("second ", i))
	}
	cancel()
	if _, err := io.ReadAll(in); !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
}

// ending is a Supervisor that can be ended.
type ending struct {
	*script
	end chan struct{}
}

func (e *ending) Watch(ctx context.Context) <-chan spec.Status {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		<-e.end
		cancel()
	}()
	return e.script.Watch(ctx)
}

// Following ends well with the supervisor, with what was written last.
func TestLogsEndWithTheSupervisor(t *testing.T) {
	s := &ending{two(), make(chan struct{})}
	dir, c := twoServices(t, s)
	body, err := c.Logs(t.Context(), LogQuery{Lines: 0, Services: []string{"bb"}, Follow: true})
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	f, err := os.OpenFile(filepath.Join(dir, "bb/current"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fmt.Fprint(f, ", is it?\nbye\n")
	close(s.end)
	got, err := io.ReadAll(body)
	if err != nil || string(got) != "not ended, is it?\nbye\n" {
		t.Errorf("got %q, %v", got, err)
	}
}

// endless is a LogReader whose lines never end.
type endless struct {
	mu    sync.Mutex
	lines int
	ended chan error
}

func (e *endless) Stream(ctx context.Context, _ int, _ bool, each func(service, text string) error, _ func() error) error {
	text := strings.Repeat("x", 1<<10)
	for ctx.Err() == nil {
		if err := each("a", text); err != nil {
			e.ended <- err
			return err
		}
		e.mu.Lock()
		e.lines++
		e.mu.Unlock()
	}
	e.ended <- ctx.Err()
	return ctx.Err()
}

func (e *endless) Close() error { return nil }

// Who does not read makes the reader wait, without lines piling up, and is let
// go in the end.
func TestLogsWaitForTheirClient(t *testing.T) {
	e := &endless{ended: make(chan error, 1)}
	h := &handler{two(), func([]string) (LogReader, error) { return e, nil }, time.Second, 300 * time.Millisecond}
	conn := dial(t, h.routes())
	fmt.Fprint(conn, "GET /v1/logs?service=a HTTP/1.1\r\nHost: x\r\n\r\n")
	select {
	case err := <-e.ended:
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("ended with %v", err)
		}
	case <-time.After(patience):
		t.Fatal("still reading")
	}
	if e.lines > 2000 { // what a socket's buffer and ours hold, and to spare
		t.Errorf("read %d lines for nobody", e.lines)
	}
}

// A client that reads slowly, but reads, loses nothing.
func TestSlowLogsAreWhole(t *testing.T) {
	dir, c := twoServices(t, two())
	const lines = 20_000
	var text strings.Builder
	for i := range lines {
		fmt.Fprintf(&text, "%d\n", i)
	}
	if err := os.WriteFile(filepath.Join(dir, "a/current"), []byte(text.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	body, err := c.Logs(t.Context(), LogQuery{Lines: lines, Services: []string{"a"}})
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	in, n := bufio.NewScanner(body), 0
	for ; in.Scan(); n++ {
		if in.Text() != fmt.Sprint(n) {
			t.Fatalf("line %d: %q", n, in.Text())
		}
		if n%4000 == 0 {
			time.Sleep(20 * time.Millisecond)
		}
	}
	if n != lines || in.Err() != nil {
		t.Errorf("%d lines, %v", n, in.Err())
	}
}
