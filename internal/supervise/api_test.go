package supervise

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sandwright/sandwright/internal/control"
	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/spec"
)

func TestRestartGivesTheNewProcess(t *testing.T) {
	onBench(t, []spec.Service{a("x")}, map[string]*script{"x": {slow: time.Second}}, func(b *bench) {
		before := b.service("x")
		after := b.do(control.Restart, "x")
		if after.PID == before.PID || after.State != spec.StateReady || after.Restarts != 1 {
			t.Errorf("before %+v, after %+v", before, after)
		}
		b.wantJournal("0s x up", "1s x down", "1s x up")
	})
}

func TestActionsFromEveryState(t *testing.T) {
	services := []spec.Service{a("x", probed(time.Hour)), a("loop"), a("done", policy(spec.Never)), a("web", after("x", spec.Ready))}
	scripts := map[string]*script{"x": {ready: time.Second}, "loop": {lives: 1, code: 1}, "done": {lives: time.Second}}
	onBench(t, services, scripts, func(b *bench) {
		b.after(100 * time.Millisecond)
		steps := []struct {
			action  control.Action
			service string
			want    spec.State
		}{
			{control.Start, "x", spec.StateStarting},
			{control.Restart, "web", spec.StateWaiting},
			{control.Stop, "web", spec.StateStopped},
			{control.Stop, "web", spec.StateStopped},
			{control.Start, "web", spec.StateWaiting},
			{control.Stop, "loop", spec.StateStopped},
			{control.Start, "loop", spec.StateReady},
			{control.Restart, "loop", spec.StateReady},
			{control.Stop, "x", spec.StateStopped},
			{control.Start, "x", spec.StateStarting},
		}
		for _, s := range steps {
			if got := b.do(s.action, s.service); got.State != s.want {
				t.Errorf("%s %s: %s, want %s", s.action, s.service, got.State, s.want)
			}
		}
		b.after(2 * time.Second)
		b.want("done", spec.StateExited, "exited 0")
		if got := b.do(control.Stop, "done"); got.State != spec.StateExited {
			t.Errorf("stopping what has exited made it %s", got.State)
		}
		if got := b.do(control.Start, "done"); got.State != spec.StateReady {
			t.Errorf("starting what has exited made it %s", got.State)
		}
	})
}

func TestStartWhileStoppingStartsAgain(t *testing.T) {
	onBench(t, []spec.Service{a("x")}, map[string]*script{"x": {slow: time.Second}}, func(b *bench) {
		go func() { _, _ = b.Do(b.t.Context(), control.Stop, "x") }()
		synctest.Wait()
		if got := b.do(control.Start, "x"); got.State != spec.StateReady || got.Restarts != 1 {
			t.Errorf("x: %+v", got)
		}
	})
}

func TestUnknownServiceNamesTheNearest(t *testing.T) {
	onBench(t, []spec.Service{a("worker"), a("web")}, nil, func(b *bench) {
		for name, hint := range map[string]string{"wroker": "did you mean worker?", "zebra": "the services are: web, worker"} {
			_, err := b.Do(b.t.Context(), control.Stop, name)
			if !errors.Is(err, control.ErrUnknown) || fault.All(err)[0].Hint != hint {
				t.Errorf("%s: %v, hint %q", name, err, fault.All(err)[0].Hint)
			}
		}
	})
}

func TestDoEndsWithItsContext(t *testing.T) {
	onBench(t, []spec.Service{a("x")}, map[string]*script{"x": {deaf: true}}, func(b *bench) {
		ctx, cancel := context.WithTimeout(b.t.Context(), time.Second)
		defer cancel()
		if _, err := b.Do(ctx, control.Stop, "x"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

// Who does not read gets the newest status, and holds up nobody.
func TestSlowWatcherGetsTheNewest(t *testing.T) {
	onBench(t, []spec.Service{a("x")}, map[string]*script{"x": {lives: time.Second, code: 1}}, func(b *bench) {
		ctx, cancel := context.WithCancel(b.t.Context())
		events := b.Watch(ctx)
		if first := <-events; first.Services[0].State != spec.StateReady {
			t.Errorf("first: %+v", first)
		}
		b.after(5500 * time.Millisecond)
		if newest := <-events; newest.Services[0].Restarts != 2 {
			t.Errorf("newest: %+v", newest)
		}
		cancel()
		b.after(0)
		if _, open := <-events; open {
			t.Error("still open after its context")
		}
	})
}

func TestAfterTheEndNobodyWaits(t *testing.T) {
	onBench(t, []spec.Service{a("x")}, nil, func(b *bench) {
		events := b.Watch(b.t.Context())
		b.Shutdown()
		var last spec.Status
		for last = range events {
		}
		if last.Services[0].State != spec.StateStopped {
			t.Errorf("last: %+v", last)
		}
		if _, open := <-b.Watch(b.t.Context()); open {
			t.Error("a watch after the end gives something")
		}
		if _, err := b.Do(b.t.Context(), control.Stop, "x"); !errors.Is(err, control.ErrStopping) {
			t.Errorf("got %v", err)
		}
	})
}
