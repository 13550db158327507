package supervise

import (
	"syscall"
	"testing"
	"time"

	"github.com/sandwright/sandwright/internal/control"
	"github.com/sandwright/sandwright/internal/spec"
)

func TestBackoffDoublesUpToItsLimit(t *testing.T) {
	onBench(t, []spec.Service{a("x")}, map[string]*script{"x": {lives: time.Second, code: 1}}, func(b *bench) {
		b.after(24 * time.Second)
		b.wantJournal("0s x up", "1s x down", "2s x up", "3s x down", "5s x up", "6s x down", "10s x up", "11s x down", "19s x up", "20s x down")
		b.want("x", spec.StateBackoff, "exited 1")
	})
}

func TestBackoffStartsOverAfterALongRun(t *testing.T) {
	crashing := &script{lives: time.Second, code: 1}
	onBench(t, []spec.Service{a("x")}, map[string]*script{"x": crashing}, func(b *bench) {
		b.after(4 * time.Second)
		b.host.mu.Lock()
		b.host.scripts["x"] = &script{lives: 8 * time.Second, code: 1}
		b.host.mu.Unlock()
		b.after(10500 * time.Millisecond)
		b.wantJournal("0s x up", "1s x down", "2s x up", "3s x down", "5s x up", "13s x down", "14s x up")
	})
}

func TestPolicies(t *testing.T) {
	tests := []struct {
		name   string
		svc    spec.Service
		script script
		state  spec.State
		reason string
		ready  bool
	}{
		{"never, well", a("x", policy(spec.Never)), script{lives: 1}, spec.StateExited, "exited 0", true},
		{"never, badly", a("x", policy(spec.Never)), script{lives: 1, code: 3}, spec.StateFailed, "exited 3", false},
		{"on failure, well", a("x", policy(spec.OnFailure)), script{lives: 1}, spec.StateExited, "exited 0", true},
		{"on failure, badly", a("x", policy(spec.OnFailure)), script{lives: 1, code: 3}, spec.StateBackoff, "exited 3", false},
		{"always, well", a("x"), script{lives: 1}, spec.StateBackoff, "exited 0", false},
		{"never, before ready", a("x", policy(spec.Never), probed(time.Hour)), script{lives: 1, ready: -1}, spec.StateFailed, "exited 0 before it was ready", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			onBench(t, []spec.Service{tt.svc}, map[string]*script{"x": &tt.script}, func(b *bench) {
				b.after(500 * time.Millisecond)
				b.want("x", tt.state, tt.reason)
				if got := b.now().Ready; got != tt.ready {
					t.Errorf("ready is %v", got)
				}
			})
		})
	}
}

func TestKilledSaysBySignal(t *testing.T) {
	onBench(t, []spec.Service{a("x")}, nil, func(b *bench) {
		b.host.die(b.service("x").PID, syscall.WaitStatus(syscall.SIGKILL))
		b.after(0)
		b.want("x", spec.StateBackoff, "killed by SIGKILL")
	})
}

func TestExitedServiceLetsItsDependantsStart(t *testing.T) {
	services := []spec.Service{a("build", policy(spec.Never)), a("web", after("build", spec.Ready)), a("gate", probed(time.Hour)), a("last", after("build", spec.Ready), after("gate", spec.Ready))}
	onBench(t, services, map[string]*script{"build": {lives: time.Second}, "gate": {ready: 5 * time.Second}}, func(b *bench) {
		b.after(6 * time.Second)
		b.want("last", spec.StateReady, "")
	})
}

func TestDependantsOutliveADependency(t *testing.T) {
	services := []spec.Service{a("api"), a("web", after("api", spec.Ready))}
	onBench(t, services, nil, func(b *bench) {
		pid := b.service("web").PID
		b.host.die(b.service("api").PID, 1<<8)
		b.after(3 * time.Second)
		b.want("api", spec.StateReady, "")
		if got := b.service("web"); got.PID != pid || got.Restarts != 0 {
			t.Errorf("web: %+v", got)
		}
	})
}

func TestACrashedDependantWaitsForItsDependency(t *testing.T) {
	services := []spec.Service{a("api"), a("web", after("api", spec.Ready))}
	onBench(t, services, nil, func(b *bench) {
		b.do(control.Stop, "api")
		b.host.die(b.service("web").PID, 1<<8)
		b.after(2 * time.Second)
		b.want("web", spec.StateWaiting, "waiting for api: stopped")
		b.do(control.Start, "api")
		b.after(0)
		b.want("web", spec.StateReady, "")
	})
}

func TestWhatACrashLeavesInItsGroupIsKilled(t *testing.T) {
	onBench(t, []spec.Service{a("x")}, map[string]*script{"x": {lives: time.Second, code: 1, straying: true}}, func(b *bench) {
		b.after(1500 * time.Millisecond)
		b.host.mu.Lock()
		defer b.host.mu.Unlock()
		if len(b.host.strays) != 0 {
			t.Errorf("strays left: %v", b.host.strays)
		}
	})
}

func TestDelays(t *testing.T) {
	r := spec.Restart{MinDelay: spec.Duration(500 * time.Millisecond), MaxDelay: spec.Duration(3 * time.Second)}
	for runs, want := range []time.Duration{500 * time.Millisecond, time.Second, 2 * time.Second, 3 * time.Second, 3 * time.Second} {
		if got := backoffDelay(runs, r); got != want {
			t.Errorf("after %d short runs: %s, want %s", runs, got, want)
		}
	}
	if got := backoffDelay(1<<30, r); got != 3*time.Second {
		t.Errorf("after very many: %s", got)
	}
	if got := backoffDelay(3, spec.Restart{}); got != time.Second {
		t.Errorf("without delays: %s", got)
	}
	for d, want := range map[time.Duration]string{2009 * time.Millisecond: "2.01s", 340400 * time.Microsecond: "340ms", 90 * time.Second: "1m30s"} {
		if got := rounded(d).String(); got != want {
			t.Errorf("%s is written %s", d, got)
		}
	}
}
