package supervise

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sandwright/sandwright/internal/control"
	"github.com/sandwright/sandwright/internal/spec"
)

// reload has the bench go over to services.
func (b *bench) reload(services ...spec.Service) spec.Reloaded {
	b.t.Helper()
	b.next = func() (spec.Spec, error) { return spec.Spec{Name: "box", Services: services}, nil }
	done, err := b.Reload(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	b.after(time.Second / 2)
	return done
}

func command(argv ...string) func(*spec.Service) {
	return func(s *spec.Service) { s.Command = argv }
}

func TestReloadRestartsOnlyWhatChanged(t *testing.T) {
	onBench(t, []spec.Service{a("same"), a("other"), a("gone")}, nil, func(b *bench) {
		b.after(time.Second)
		got := b.reload(a("same", after("new", spec.Started)), a("other", command("other", "-v")), a("new", after("other", spec.Ready)))
		want := spec.Reloaded{Started: []string{"new"}, Stopped: []string{"gone"}, Restarted: []string{"other"}, Unchanged: []string{"same"}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		b.wantJournal("0s gone up", "0s other up", "0s same up", "1s gone down", "1s other down", "1s other up", "1s new up")
		if s := b.now(); !s.Ready || len(s.Services) != 3 {
			t.Errorf("%+v", s)
		}
	})
}

func TestReloadOfNothingNew(t *testing.T) {
	onBench(t, []spec.Service{a("x", after("y", spec.Ready)), a("y")}, nil, func(b *bench) {
		for range 3 {
			if got := b.reload(a("x"), a("y", policy(spec.Never))); len(got.Unchanged) != 2 {
				t.Errorf("%+v", got)
			}
		}
		b.wantJournal("0s y up", "0s x up")
	})
}

func TestReloadLeavesAloneWhatWasStopped(t *testing.T) {
	onBench(t, []spec.Service{a("x"), a("y")}, map[string]*script{"y": {launch: errNope}}, func(b *bench) {
		b.do("stop", "x")
		b.want("y", spec.StateFailed, "nope")
		delete(b.host.scripts, "y")
		b.reload(a("x", command("new")), a("y", command("new")))
		b.want("x", spec.StateStopped, "")
		b.want("y", spec.StateReady, "")
		b.do("start", "x")
		b.want("x", spec.StateReady, "")
	})
}

// A service that comes back while it is on its way out is started again.
func TestReloadTakesBack(t *testing.T) {
	onBench(t, []spec.Service{a("x"), a("y")}, map[string]*script{"x": {slow: 3 * time.Second}}, func(b *bench) {
		b.reload(a("y"))
		b.want("x", spec.StateStopping, "no longer in the spec")
		if got := b.reload(a("x"), a("y")); len(got.Restarted) != 1 {
			t.Errorf("%+v", got)
		}
		b.after(3 * time.Second)
		b.want("x", spec.StateReady, "")
	})
}

func TestReloadThatCannotBe(t *testing.T) {
	onBench(t, []spec.Service{a("x")}, nil, func(b *bench) {
		b.next = func() (spec.Spec, error) { return spec.Spec{}, errNope }
		if _, err := b.Reload(b.t.Context()); !errors.Is(err, errNope) {
			t.Errorf("got %v", err)
		}
		b.next = func() (spec.Spec, error) {
			return spec.Spec{Services: []spec.Service{a("x", after("y", spec.Ready))}}, nil
		}
		if _, err := b.Reload(b.t.Context()); err == nil || err.Error() != `cannot run service "x": it comes after "y", which is no service` {
			t.Errorf("got %v", err)
		}
		b.want("x", spec.StateReady, "")
		b.wantJournal("0s x up")
	})
}

func TestReloadWhileStopping(t *testing.T) {
	onBench(t, []spec.Service{a("x")}, map[string]*script{"x": {slow: time.Second}}, func(b *bench) {
		b.next = func() (spec.Spec, error) { return spec.Spec{}, nil }
		b.Shutdown()
		for range 2 {
			if _, err := b.Reload(b.t.Context()); !errors.Is(err, control.ErrStopping) {
				t.Errorf("got %v", err)
			}
			b.after(2 * time.Second)
		}
	})
}

func TestSignalByRequest(t *testing.T) {
	onBench(t, []spec.Service{a("x")}, nil, func(b *bench) {
		if got, err := b.Signal(b.t.Context(), "x", 1, false); err != nil || got.PID == 0 {
			t.Errorf("%+v, %v", got, err)
		}
		b.wantJournal("0s x up", "0s x SIGHUP")
		if _, err := b.Signal(b.t.Context(), "y", 1, false); !errors.Is(err, control.ErrUnknown) {
			t.Errorf("got %v", err)
		}
		b.do("stop", "x")
		if _, err := b.Signal(b.t.Context(), "x", 1, false); err == nil || err.Error() != `cannot signal service "x": it is stopped and has no process` {
			t.Errorf("got %v", err)
		}
	})
}

// Usage is there when somebody asks, and no change of it is an event.
func TestUsageIsOfTheQuestion(t *testing.T) {
	onBench(t, []spec.Service{a("x")}, nil, func(b *bench) {
		if got := b.service("x"); got.Usage.Memory != int64(got.PID) {
			t.Errorf("%+v", got)
		}
	})
}
