package control

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/spec"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// script is a Supervisor that gives what it is told to.
type script struct {
	statuses []spec.Status // what Watch gives, before it waits
	ends     bool          // Watch ends after them
	down     chan struct{}

	mu   sync.Mutex
	done []string
}

func (s *script) Watch(ctx context.Context) <-chan spec.Status {
	ch := make(chan spec.Status)
	go func() {
		defer close(ch)
		for _, status := range s.statuses {
			select {
			case ch <- status:
			case <-ctx.Done():
				return
			}
		}
		if !s.ends {
			<-ctx.Done()
		}
	}()
	return ch
}

func (s *script) Signal(_ context.Context, name string, sig syscall.Signal, toProcessOnly bool) (spec.ServiceStatus, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done = append(s.done, fmt.Sprint(int(sig), " ", name, " ", toProcessOnly))
	if name == "idle" {
		return spec.ServiceStatus{}, fault.Cannot("signal service %q: it has no process", name)
	}
	return spec.ServiceStatus{Name: name, State: spec.StateReady}, nil
}

func (s *script) Reload(context.Context) (spec.Reloaded, error) { return spec.Reloaded{}, nil }

func (s *script) Do(ctx context.Context, action Action, name string) (spec.ServiceStatus, error) {
	s.mu.Lock()
	s.done = append(s.done, fmt.Sprint(action, " ", name))
	s.mu.Unlock()
	switch name {
	case "wbe":
		return spec.ServiceStatus{}, &fault.Fault{What: `cannot find service "wbe"`, Hint: "did you mean web?", Err: ErrUnknown}
	case "late":
		return spec.ServiceStatus{}, &fault.Fault{What: "cannot start service \"late\": the sandbox is stopping", Err: ErrStopping}
	case "slow":
		<-ctx.Done()
		return spec.ServiceStatus{}, ctx.Err()
	case "odd":
		return spec.ServiceStatus{}, errors.New("cannot do odd things")
	}
	return spec.ServiceStatus{Name: name, State: spec.StateReady}, nil
}

func (s *script) Shutdown() { close(s.down) }

// serve answers for s on a unix socket, and gives a client of it.
func serve(t *testing.T, h http.Handler) *Client {
	t.Helper()
	path := filepath.Join(t.TempDir(), "control.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	server := Server(h)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l)
	}()
	t.Cleanup(func() {
		server.Close()
		<-done
	})
	return New(func(ctx context.Context) (net.Conn, error) { return new(net.Dialer).DialContext(ctx, "unix", path) })
}

var _ Supervisor = (*script)(nil)

func starting() spec.Status {
	return spec.Status{Name: "box", Services: []spec.ServiceStatus{{Name: "web"}}}
}
func ready() spec.Status  { return spec.Status{Name: "box", Ready: true} }
func failed() spec.Status { return spec.Status{Name: "box", Failed: true} }

func TestStatusIsTheFirst(t *testing.T) {
	c := serve(t, quiet(&script{statuses: []spec.Status{starting(), ready()}}))
	got, err := c.Status(t.Context())
	if err != nil || got.Ready || len(got.Services) != 1 {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestWaitIsTheFirstSettled(t *testing.T) {
	for _, end := range []spec.Status{ready(), failed()} {
		c := serve(t, quiet(&script{statuses: []spec.Status{starting(), starting(), end, starting()}}))
		got, err := c.Wait(t.Context())
		if err != nil || !got.Settled() {
			t.Errorf("got %+v, %v", got, err)
		}
	}
}

func TestWaitEndsWithTheSupervisor(t *testing.T) {
	c := serve(t, quiet(&script{statuses: []spec.Status{starting()}, ends: true}))
	_, err := c.Wait(t.Context())
	if !errors.Is(err, ErrStopping) || err.Error() != "cannot answer: the sandbox is stopping" {
		t.Errorf("got %v", err)
	}
}

func TestWaitEndsWithItsContext(t *testing.T) {
	c := serve(t, quiet(&script{statuses: []spec.Status{starting()}}))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := c.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestEvents(t *testing.T) {
	c := serve(t, quiet(&script{statuses: []spec.Status{starting(), ready(), failed()}, ends: true}))
	var got []spec.Status
	err := c.Events(t.Context(), func(s spec.Status) error {
		got = append(got, s)
		return nil
	})
	if err != nil || len(got) != 3 || !got[1].Ready || !got[2].Failed {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestEventsEndWhenTheReaderWants(t *testing.T) {
	s := &script{statuses: []spec.Status{starting(), ready()}}
	enough := errors.New("enough")
	if err := serve(t, quiet(s)).Events(t.Context(), func(spec.Status) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	err := serve(t, quiet(s)).Events(ctx, func(s spec.Status) error {
		if s.Ready {
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestActions(t *testing.T) {
	s := &script{}
	c := serve(t, quiet(s))
	for _, do := range []func(context.Context, string) (spec.ServiceStatus, error){c.Start, c.Stop, c.Restart} {
		got, err := do(t.Context(), "we b/é")
		if err != nil || got.Name != "we b/é" || got.State != spec.StateReady {
			t.Errorf("got %+v, %v", got, err)
		}
	}
	if got, want := fmt.Sprint(s.done), "[start we b/é stop we b/é restart we b/é]"; got != want {
		t.Errorf("did %s, want %s", got, want)
	}
}

func TestErrorsKeepTheirText(t *testing.T) {
	c := serve(t, quiet(&script{}))
	tests := []struct {
		service, what, hint string
		is                  error
	}{
		{"wbe", `cannot find service "wbe"`, "did you mean web?", ErrUnknown},
		{"late", `cannot start service "late": the sandbox is stopping`, "", ErrStopping},
		{"odd", "cannot do odd things", "", nil},
	}
	for _, tt := range tests {
		_, err := c.Start(t.Context(), tt.service)
		var f *fault.Fault
		if !errors.As(err, &f) || f.What != tt.what || f.Hint != tt.hint || (tt.is != nil && !errors.Is(err, tt.is)) {
			t.Errorf("%s: %v", tt.service, err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := c.Stop(ctx, "slow"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("slow: %v", err)
	}
}

func TestShutdown(t *testing.T) {
	s := &script{down: make(chan struct{})}
	if err := serve(t, quiet(s)).Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	<-s.down
}

func TestUnreachableSupervisor(t *testing.T) {
	dialed := errors.New("nobody there")
	c := New(func(context.Context) (net.Conn, error) { return nil, dialed })
	_, err := c.Status(t.Context())
	if !errors.Is(err, dialed) || err.Error() != "cannot reach the supervisor: nobody there" {
		t.Errorf("got %v", err)
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/status", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") })
	mux.HandleFunc("GET /v1/events", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"name":`) })
	c := serve(t, mux)
	if _, err := c.Status(t.Context()); err == nil || err.Error() != "cannot reach the supervisor: invalid character '<' looking for beginning of value" {
		t.Errorf("status: %v", err)
	}
	if err := c.Events(t.Context(), func(spec.Status) error { return nil }); err == nil {
		t.Error("a broken event is no error")
	}
	if _, err := c.Wait(t.Context()); err == nil || err.Error() != "cannot reach the supervisor: 404 Not Found" {
		t.Errorf("wait: %v", err)
	}
}
