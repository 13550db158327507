package supervise

import (
	"strings"
	"testing"
	"time"

	"github.com/sandwright/sandwright/internal/spec"
)

func TestTaskGatesItsDependants(t *testing.T) {
	services := []spec.Service{a("migrate", task(time.Minute)), a("web", after("migrate", spec.ExitedOK)), a("tail", after("migrate", spec.Started))}
	onBench(t, services, map[string]*script{"migrate": {lives: 3 * time.Second}}, func(b *bench) {
		b.want("migrate", spec.StateStarting, "")
		b.want("web", spec.StateWaiting, "waiting for migrate: starting")
		b.after(4 * time.Second)
		b.want("migrate", spec.StateExited, "exited 0")
		b.wantJournal("0s migrate up", "0s tail up", "3s migrate down", "3s web up")
		if s := b.now(); !s.Ready || s.Failed {
			t.Errorf("ready %v, failed %v", s.Ready, s.Failed)
		}
	})
}

func TestFailedTaskIsSaid(t *testing.T) {
	services := []spec.Service{a("migrate", task(0), policy(spec.Never)), a("web", after("migrate", spec.ExitedOK))}
	onBench(t, services, map[string]*script{"migrate": {lives: time.Second, code: 3}}, func(b *bench) {
		b.after(2 * time.Second)
		b.want("migrate", spec.StateFailed, "exited 3")
		b.want("web", spec.StateWaiting, "waiting for migrate: failed: exited 3")
	})
}

func TestTaskIsTriedAgain(t *testing.T) {
	services := []spec.Service{a("migrate", task(0), policy(spec.OnFailure))}
	onBench(t, services, map[string]*script{"migrate": {lives: time.Second, code: 1}}, func(b *bench) {
		b.after(1500 * time.Millisecond)
		b.want("migrate", spec.StateBackoff, "exited 1")
		b.host.mu.Lock()
		b.host.scripts["migrate"] = &script{lives: time.Second}
		b.host.mu.Unlock()
		b.after(3 * time.Second)
		b.want("migrate", spec.StateExited, "exited 0")
		b.wantJournal("0s migrate up", "1s migrate down", "2s migrate up", "3s migrate down")
	})
}

func TestTaskDeadline(t *testing.T) {
	services := []spec.Service{a("build", task(10*time.Second), policy(spec.Never))}
	onBench(t, services, map[string]*script{"build": {output: "compiling"}}, func(b *bench) {
		b.after(11 * time.Second)
		b.want("build", spec.StateFailed, "not done after 10s, last output: compiling")
		b.wantJournal("0s build up", "10s build down")
	})
}

func TestStartLimit(t *testing.T) {
	limited := func(s *spec.Service) {
		s.Restart.MaxDelay = s.Restart.MinDelay
		s.Restart.StartLimit, s.Restart.StartInterval = 3, spec.Duration(time.Minute)
	}
	onBench(t, []spec.Service{a("x", limited)}, map[string]*script{"x": {lives: 100 * time.Millisecond, code: 1}}, func(b *bench) {
		b.after(time.Minute)
		b.want("x", spec.StateFailed, "exited 1 (3 starts within 1m0s)")
		b.wantJournal("0s x up", "100ms x down", "1.1s x up", "1.2s x down", "2.2s x up", "2.3s x down")
		b.do("start", "x")
		b.after(50 * time.Millisecond)
		b.want("x", spec.StateReady, "")
	})
}

func TestStartsOutOfTheIntervalDoNotCount(t *testing.T) {
	limited := func(s *spec.Service) {
		s.Restart.StartLimit, s.Restart.StartInterval = 3, spec.Duration(10*time.Second)
	}
	onBench(t, []spec.Service{a("x", limited)}, map[string]*script{"x": {lives: 9 * time.Second, code: 1}}, func(b *bench) {
		b.after(10 * time.Minute)
		if got := b.service("x"); got.State == spec.StateFailed || got.Restarts < 50 {
			t.Errorf("%+v", got)
		}
	})
}

func TestDelaysAreSpread(t *testing.T) {
	for chance, want := range map[float64]time.Duration{0: 8 * time.Second, 0.5: 7 * time.Second, 1: 6 * time.Second} {
		if got := shorten(8*time.Second, chance); got != want {
			t.Errorf("chance %v: %s, want %s", chance, got, want)
		}
	}
}

func TestMainEndsTheBoxWithItsCode(t *testing.T) {
	tests := map[string]struct {
		script script
		policy spec.RestartPolicy
		code   int
	}{
		"done":        {script{lives: time.Second}, spec.OnFailure, 0},
		"failed":      {script{lives: time.Second, code: 7}, spec.Never, 7},
		"not started": {script{launch: errNope}, spec.Never, 1},
		"stopped":     {script{lives: time.Hour}, spec.Never, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			box := spec.Spec{Main: "web", Services: []spec.Service{a("web", policy(tt.policy)), a("db")}}
			var ended *bench
			onBenchOf(t, box, map[string]*script{"web": &tt.script}, func(b *bench) {
				ended = b
				b.after(10 * time.Second)
				b.host.mu.Lock()
				defer b.host.mu.Unlock()
				if down := strings.Contains(strings.Join(b.host.journal, "\n"), "db down"); down == (name == "stopped") {
					t.Errorf("journal: %q", b.host.journal)
				}
			})
			if ended.code != tt.code {
				t.Errorf("code %d, want %d", ended.code, tt.code)
			}
		})
	}
}

func TestStopSignal(t *testing.T) {
	polite := func(s *spec.Service) { s.Stop.Signal = "SIGINT" }
	onBench(t, []spec.Service{a("x", polite)}, nil, func(b *bench) {
		b.do("stop", "x")
		b.wantJournal("0s x up", "0s x SIGINT", "5s x down")
	})
}

// A task that is optional keeps nobody waiting when it fails, and is no failure
// of the box; why it runs is shown meanwhile.
func TestOptionalTask(t *testing.T) {
	optional := func(s *spec.Service) { s.Task.Optional, s.Task.Why = true, "install: lock changed" }
	for name, tt := range map[string]struct {
		script script
		reason string
		at     string
	}{
		"fails":  {script{lives: 2 * time.Second, code: 1}, "failed: exited 1", "2s"},
		"hangs":  {script{output: "fetching"}, "failed: not done after 10s, last output: fetching", "10s"},
		"is bad": {script{launch: errNope}, "failed: " + errNope.Error(), "0s"},
	} {
		t.Run(name, func(t *testing.T) {
			services := []spec.Service{a("workspace", task(10*time.Second), policy(spec.Never), optional), a("web", after("workspace", spec.ExitedOK))}
			onBench(t, services, map[string]*script{"workspace": &tt.script}, func(b *bench) {
				if tt.at != "0s" {
					b.want("workspace", spec.StateStarting, "install: lock changed")
					b.want("web", spec.StateWaiting, "waiting for workspace: starting: install: lock changed")
				}
				b.after(11 * time.Second)
				b.want("workspace", spec.StateExited, tt.reason)
				if s := b.now(); !s.Ready || s.Failed {
					t.Errorf("ready %v, failed %v", s.Ready, s.Failed)
				}
				b.host.mu.Lock()
				defer b.host.mu.Unlock()
				if last := b.host.journal[len(b.host.journal)-1]; last != tt.at+" web up" {
					t.Errorf("journal: %q", b.host.journal)
				}
			})
		})
	}
}
