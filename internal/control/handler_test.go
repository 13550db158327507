package control

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/spec"
)

// patience is how long a test waits for what should come at once.
const patience = 20 * time.Second

// operator is a script whose reloads have an end.
type operator struct {
	*script
	reloaded spec.Reloaded
	refusal  error
}

func (o *operator) Reload(context.Context) (spec.Reloaded, error) { return o.reloaded, o.refusal }

// quiet answers for s, logs apart.
func quiet(s Supervisor) http.Handler { return Handler(s, nil) }

// browser asks whom c asks as any program would.
func browser(c *Client) *http.Client {
	return &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return c.dial(ctx) },
	}}
}

// raw asks as any program would, and gives the code and body of the answer.
func raw(t *testing.T, c *Client, method, path string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://x"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := browser(c).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// Every error is an object with the right code, also where there is no call.
func TestErrorsOnTheWire(t *testing.T) {
	s := &operator{script: &script{statuses: []spec.Status{starting()}}, refusal: fault.List{
		fault.Position{File: "sandwright.yaml", Line: 2, Column: 3}.Cannot("use port 0").WithHint("such as 3000"), fault.Cannot("order services: a -> a"),
	}}
	c := serve(t, quiet(s))
	for _, tt := range []struct {
		ask, body string
		code      int
	}{
		{"GET /v2/status", `{"error":"cannot find \"/v2/status\"","hint":"look at docs/control.md"}`, 404},
		{"GET /", `{"error":"cannot find \"/\"","hint":"look at docs/control.md"}`, 404},
		{"POST /v1/status", `{"error":"cannot \"POST\" here","hint":"it is GET, HEAD"}`, 405},
		{"GET /v1/services/web/stop", `{"error":"cannot \"GET\" here","hint":"it is POST"}`, 405},
		{"DELETE /v1/shutdown", `{"error":"cannot \"DELETE\" here","hint":"it is POST"}`, 405},
		{"POST /v1/services/web/frobnicate", `{"error":"cannot find \"/v1/services/web/frobnicate\"","hint":"look at docs/control.md"}`, 404},
		{"GET /v1/status?service=wbe", `{"error":"cannot find service \"wbe\"","hint":"did you mean web?"}`, 404},
		{"GET /v1/status?service=wbe&follow=true", `{"error":"cannot find service \"wbe\"","hint":"did you mean web?"}`, 404},
		{"GET /v1/events?service=x", `{"error":"cannot find service \"x\"","hint":"the services are: web"}`, 404},
		{"GET /v1/wait?service=x", `{"error":"cannot find service \"x\"","hint":"the services are: web"}`, 404},
		{"GET /v1/wait?for=redy", `{"error":"cannot use for=\"redy\": it is one of ready, started, exited, stopped, settled","hint":"did you mean ready?"}`, 400},
		{"GET /v1/logs", `{"error":"cannot read logs: this supervisor does not know how"}`, 501},
		{"GET /v1/events?follow=true", `{"error":"cannot use parameter \"follow\""}`, 400},
		{"GET /v1/logs?lines=x", `{"error":"cannot use lines=\"x\": it is 0 to 2147483647"}`, 400},
		{"POST /v1/shutdown?now=1", `{"error":"cannot use parameter \"now\""}`, 400},
		{"POST /v1/reload?spec=x", `{"error":"cannot use parameter \"spec\""}`, 400},
		{"POST /v1/services/web/stop?force=1", `{"error":"cannot use parameter \"force\""}`, 400},
		{"POST /v1/services/web/signal", `{"error":"cannot send no signal","hint":"add ?signal=SIGHUP"}`, 400},
		{"POST /v1/services/web/signal?signal=9&to=all", `{"error":"cannot use to=\"all\": it is one of group, process"}`, 400},
		{"POST /v1/services/idle/signal?signal=9", `{"error":"cannot signal service \"idle\": it has no process"}`, 422},
		{"POST /v1/services/wbe/start", `{"error":"cannot find service \"wbe\"","hint":"did you mean web?"}`, 404},
		{"POST /v1/services/late/start", `{"error":"cannot start service \"late\": the sandbox is stopping"}`, 409},
		{"POST /v1/services/odd/start", `{"error":"cannot do odd things"}`, 500},
		{"POST /v1/reload", `{"error":"cannot use port 0","hint":"such as 3000","at":"sandwright.yaml:2:3","faults":[` +
			`{"error":"cannot use port 0","hint":"such as 3000","at":"sandwright.yaml:2:3"},{"error":"cannot order services: a -\u003e a"}]}`, 422},
	} {
		method, path, _ := strings.Cut(tt.ask, " ")
		code, body := raw(t, c, method, path)
		if code != tt.code {
			t.Errorf("%s: %d, want %d", tt.ask, code, tt.code)
		}
		if diff := cmp.Diff(tt.body+"\n", body); diff != "" {
			t.Errorf("%s: -want +got:\n%s", tt.ask, diff)
		}
	}
	if s.down != nil {
		t.Error("a shutdown with a parameter is none")
	}
}

func TestSignals(t *testing.T) {
	s := &operator{script: &script{}}
	c := serve(t, quiet(s))
	for _, sig := range []string{"SIGHUP", "usr1", "34"} {
		got, err := c.Signal(t.Context(), "we b", sig, sig == "34")
		if err != nil || got.Name != "we b" {
			t.Errorf("%s: %+v, %v", sig, got, err)
		}
	}
	if got, want := fmt.Sprint(s.done), "[1 we b false 10 we b false 34 we b true]"; got != want {
		t.Errorf("sent %s, want %s", got, want)
	}
	_, err := c.Signal(t.Context(), "web", "HPU", false)
	if f := fault.All(err); len(f) != 1 || f[0].Code != fault.ExitUsage || f[0].Hint != "did you mean SIGHUP?" {
		t.Errorf("got %v", err)
	}
}

func TestReload(t *testing.T) {
	s := &operator{script: &script{}, reloaded: spec.Reloaded{Started: []string{"a"}, Unchanged: []string{"b", "c"}}}
	c := serve(t, quiet(s))
	want := spec.Reloaded{Started: []string{"a"}, Stopped: []string{}, Restarted: []string{}, Signaled: []string{}, Unchanged: []string{"b", "c"}}
	got, err := c.Reload(t.Context())
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v, -want +got:\n%s", err, diff)
	}
	refusal := fault.List{fault.Position{File: "f", Line: 2, Column: 3}.Cannot("use a"), fault.Position{File: "f", Line: 3, Column: 1}.Cannot("use b").WithHint("h")}
	s.refusal = refusal
	_, err = c.Reload(t.Context())
	if diff := cmp.Diff(fault.All(refusal), fault.All(err)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestStatusOfSome(t *testing.T) {
	all := services(spec.ServiceStatus{Name: "a", State: spec.StateFailed}, spec.ServiceStatus{Name: "b", State: spec.StateReady, Usage: spec.Usage{Memory: 7}})
	all.Failed = true
	c := serve(t, quiet(&script{statuses: []spec.Status{all}}))
	got, err := c.Status(t.Context(), "b", "b")
	want := spec.Status{Ready: true, Services: all.Services[1:]}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v, -want +got:\n%s", err, diff)
	}
}

func TestWaitForGoals(t *testing.T) {
	one := func(state spec.State, reason string) spec.Status {
		return services(spec.ServiceStatus{Name: "a", State: state, Reason: reason}, spec.ServiceStatus{Name: "b", State: spec.StateFailed})
	}
	c := serve(t, quiet(&script{statuses: []spec.Status{one("waiting", ""), one("starting", ""), one("ready", ""), one("failed", "exited 3")}}))
	for goal, want := range map[Goal]spec.State{GoalReady: "ready", "": "ready", GoalStarted: "starting", GoalStopped: "failed", GoalSettled: "ready"} {
		got, err := c.WaitFor(t.Context(), Awaited{Goal: goal, Services: []string{"a"}})
		if err != nil || len(got.Services) != 1 || got.Services[0].State != want {
			t.Errorf("%s: %+v, %v", goal, got, err)
		}
	}
	_, err := c.WaitFor(t.Context(), Awaited{Goal: GoalExited, Services: []string{"a"}})
	if err == nil || err.Error() != "cannot wait for a to be exited: failed: exited 3" {
		t.Errorf("got %v", err)
	}
}

func TestWaitTimesOut(t *testing.T) {
	c := serve(t, quiet(&script{statuses: []spec.Status{services(spec.ServiceStatus{Name: "a", State: spec.StateStarting, Reason: "no newline on fd 3"})}}))
	_, err := c.WaitFor(t.Context(), Awaited{Timeout: 50 * time.Millisecond})
	if !errors.Is(err, context.DeadlineExceeded) || err.Error() != "cannot wait for a to be ready: after 50ms it is starting: no newline on fd 3" {
		t.Errorf("got %v", err)
	}
}

// A service that a reload takes away while somebody waits for it.
func TestWaitForWhatIsGone(t *testing.T) {
	c := serve(t, quiet(&script{statuses: []spec.Status{services(spec.ServiceStatus{Name: "a"}), services(spec.ServiceStatus{Name: "b"})}}))
	_, err := c.WaitFor(t.Context(), Awaited{Services: []string{"a"}})
	if !errors.Is(err, ErrUnknown) {
		t.Errorf("got %v", err)
	}
}

func TestChangesOverTheSocket(t *testing.T) {
	one := func(state spec.State) spec.Status {
		return services(spec.ServiceStatus{Name: "a", State: state}, spec.ServiceStatus{Name: "b"})
	}
	c := serve(t, quiet(&script{statuses: []spec.Status{one("starting"), one("starting"), one("ready"), services()}, ends: true}))
	var got []string
	each := func(e spec.Event) error {
		got = append(got, fmt.Sprint(e.Service, " ", e.State, " ", e.Gone))
		return nil
	}
	if err := c.Changes(t.Context(), []string{"a"}, each); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a starting false", "a ready false", "a ready true"}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if err := c.Changes(t.Context(), []string{"x"}, each); !errors.Is(err, ErrUnknown) {
		t.Errorf("got %v", err)
	}
}

// A supervisor that has ended says so, before anything else is said.
func TestNothingFromTheEnded(t *testing.T) {
	c := serve(t, Handler(&script{ends: true}, func([]string) (LogReader, error) { panic("opened") }))
	for _, path := range []string{"status", "status?follow=true", "events", "wait?for=stopped", "logs"} {
		if code, body := raw(t, c, http.MethodGet, "/v1/"+path); code != http.StatusConflict {
			t.Errorf("%s: %d, %s", path, code, body)
		}
	}
}

// flood is a Supervisor with something new at all times.
type flood struct {
	*script
	ended chan struct{} // closed when a watch is
}

func (f *flood) Watch(ctx context.Context) <-chan spec.Status {
	ch := make(chan spec.Status)
	go func() {
		defer close(f.ended)
		defer close(ch)
		for i := 0; ; i++ {
			select {
			case ch <- services(spec.ServiceStatus{Name: "a", Restarts: i, Reason: strings.Repeat("x", 64<<10)}):
			case <-ctx.Done():
				return
			}
		}
	}()
	return ch
}

// dial is a connection as a hostile client would make one.
func dial(t *testing.T, h http.Handler) net.Conn {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	server, done := Server(h), make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l)
	}()
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close()
		server.Close()
		<-done
	})
	return conn
}

// A client that does not read is let go, and costs nobody anything then.
func TestSlowClientIsLetGo(t *testing.T) {
	for _, path := range []string{"/v1/events", "/v1/status?follow=true"} {
		f := &flood{ended: make(chan struct{})}
		conn := dial(t, (&handler{f, nil, 100 * time.Millisecond, 0}).routes())
		fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path)
		select {
		case <-f.ended:
		case <-time.After(patience):
			t.Errorf("%s: still watched", path)
		}
	}
}

// A client that goes away ends its wait.
func TestCancelledWaitEnds(t *testing.T) {
	f := &flood{ended: make(chan struct{})}
	conn := dial(t, quiet(f))
	fmt.Fprint(conn, "GET /v1/wait HTTP/1.1\r\nHost: x\r\n\r\n")
	conn.Close()
	select {
	case <-f.ended:
	case <-time.After(patience):
		t.Error("still watched")
	}
}

// Questions that are too long, and bodies that nobody asked for.
func TestHugeQuestions(t *testing.T) {
	for _, tt := range []struct{ head, want string }{
		{"GET /v1/status?service=" + strings.Repeat("x", 20<<10) + " HTTP/1.1\r\nHost: x\r\n\r\n", "400"},
		{"GET /v1/status?" + strings.Repeat("service=web&", 1300) + "service=web HTTP/1.1\r\nHost: x\r\n\r\n", "200"},
		{"GET /v1/status HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 1<<20) + "\r\n\r\n", "431"},
		{"POST /v1/services/web/start HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000000\r\n\r\n", "200"},
		{"POST /v1/services/web/start HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "200"},
	} {
		conn := dial(t, quiet(&script{statuses: []spec.Status{starting()}}))
		go io.WriteString(conn, tt.head) // may be cut off
		if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		line, err := bufio.NewReader(conn).ReadString('\n')
		if err != nil || !strings.HasPrefix(line, "HTTP/1.1 "+tt.want) {
			t.Errorf("%.40s: %q, %v", tt.head, line, err)
		}
	}
}

// The server's timeout for reading a question is none for its answer.
func TestLongWaitOutlivesTheReadTimeout(t *testing.T) {
	later := make(chan spec.Status)
	server := Server(quiet(&laterOn{later: later}))
	server.ReadTimeout = 100 * time.Millisecond
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l)
	}()
	defer func() {
		server.Close()
		<-done
	}()
	time.AfterFunc(500*time.Millisecond, func() { later <- ready() })
	c := New(func(ctx context.Context) (net.Conn, error) { return new(net.Dialer).DialContext(ctx, "unix", path) })
	if got, err := c.Wait(t.Context()); err != nil || !got.Ready {
		t.Errorf("got %+v, %v", got, err)
	}
}

// laterOn is a Supervisor that has a status only when somebody gives one.
type laterOn struct {
	*script
	later chan spec.Status
}

func (l *laterOn) Watch(context.Context) <-chan spec.Status { return l.later }

// An answer's body is one JSON value and a line end.
func TestAnswersEndInALine(t *testing.T) {
	c := serve(t, quiet(&script{statuses: []spec.Status{ready()}}))
	_, body := raw(t, c, http.MethodGet, "/v1/status")
	if !json.Valid([]byte(body)) || strings.Count(body, "\n") != 1 || !strings.HasSuffix(body, "\n") {
		t.Errorf("got %q", body)
	}
}
