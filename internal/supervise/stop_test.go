package supervise

import (
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/sandwright/sandwright/internal/control"
	"github.com/sandwright/sandwright/internal/spec"
)

func TestShutdownStopsDependantsFirst(t *testing.T) {
	services := []spec.Service{a("db"), a("api", after("db", spec.Ready)), a("web", after("api", spec.Started)), a("other")}
	scripts := map[string]*script{"db": {slow: time.Second}, "api": {slow: time.Second}, "web": {slow: time.Second}, "other": {slow: 500 * time.Millisecond}}
	onBench(t, services, scripts, func(b *bench) {
		b.after(time.Second)
		b.signals <- syscall.SIGTERM
		b.after(5 * time.Second)
		b.wantJournal("0s db up", "0s other up", "0s api up", "0s web up", "1.5s other down", "2s web down", "3s api down", "4s db down")
	})
}

func TestShutdownEndsEveryState(t *testing.T) {
	services := []spec.Service{
		a("api", probed(time.Hour)), a("web", after("api", spec.Ready)), a("loop"), a("broken", policy(spec.Never)), a("db"), a("job", after("db", spec.Started)),
	}
	scripts := map[string]*script{"api": {ready: -1}, "loop": {lives: 1, code: 1}, "broken": {lives: 1, code: 1}, "db": {lives: time.Second}, "job": {slow: 4 * time.Second}}
	onBench(t, services, scripts, func(b *bench) {
		b.after(1500 * time.Millisecond)
		b.want("db", spec.StateBackoff, "exited 0")
		b.Shutdown()
		b.after(time.Second)
		b.want("api", spec.StateStopped, "")
		b.want("web", spec.StateStopped, "")
		b.want("loop", spec.StateStopped, "")
		b.want("broken", spec.StateFailed, "exited 1")
		b.want("db", spec.StateStopped, "")
		b.want("job", spec.StateStopping, "")
		if _, err := b.Do(b.t.Context(), control.Start, "web"); err == nil || err.Error() != `cannot start service "web": the sandbox is stopping` {
			t.Errorf("start while stopping: %v", err)
		}
	})
}

func TestDeafServiceIsKilledAfterItsTimeout(t *testing.T) {
	onBench(t, []spec.Service{a("x")}, map[string]*script{"x": {deaf: true}}, func(b *bench) {
		start := time.Now()
		if got := b.do(control.Stop, "x"); got.State != spec.StateStopped {
			t.Errorf("x is %s", got.State)
		}
		if took := time.Since(start); took != 5*time.Second {
			t.Errorf("took %s, want 5s", took)
		}
		if !slices.Contains(b.said, "x: not gone after 5s, killing it") {
			t.Errorf("said %q", b.said)
		}
	})
}

func TestASecondSignalHastens(t *testing.T) {
	services := []spec.Service{a("db"), a("web", after("db", spec.Ready))}
	onBench(t, services, map[string]*script{"db": {deaf: true}, "web": {deaf: true}}, func(b *bench) {
		b.host.rest = 1
		b.signals <- syscall.SIGTERM
		b.after(time.Second)
		b.signals <- syscall.SIGINT
		b.after(0)
		b.wantJournal("0s db up", "0s web up", "1s web down", "1s db down", "1s rest SIGKILL")
	})
}

func TestTheRestIsSweptAfterTheServices(t *testing.T) {
	onBench(t, []spec.Service{a("x")}, map[string]*script{"x": {slow: time.Second}}, func(b *bench) {
		b.host.rest = 3
		b.Shutdown()
		b.after(5 * time.Second)
		b.wantJournal("0s x up", "1s x down", "1s rest SIGTERM", "2s rest SIGKILL")
	})
}

func TestStopWaitsForTheWholeGroup(t *testing.T) {
	onBench(t, []spec.Service{a("x")}, map[string]*script{"x": {straying: true}}, func(b *bench) {
		start := time.Now()
		b.do(control.Stop, "x")
		if took := time.Since(start); took != 5*time.Second {
			t.Errorf("took %s, want the timeout of 5s", took)
		}
	})
}

// A process in an uninterruptible sleep does not hold up everything else.
func TestUnkillableProcessIsLeftBehind(t *testing.T) {
	onBench(t, []spec.Service{a("x")}, map[string]*script{"x": {deaf: true}}, func(b *bench) {
		b.host.mu.Lock()
		for pid := range b.host.alive {
			delete(b.host.alive, pid)
		}
		b.host.mu.Unlock()
		b.do(control.Stop, "x")
		b.want("x", spec.StateFailed, "process 101 is not gone 5s after SIGKILL")
	})
}

func TestSignalsArePassedOn(t *testing.T) {
	onBench(t, []spec.Service{a("x"), a("y")}, nil, func(b *bench) {
		b.signals <- syscall.SIGHUP
		b.after(time.Second)
		b.host.mu.Lock()
		slices.Sort(b.host.journal)
		b.host.mu.Unlock()
		b.wantJournal("0s x SIGHUP", "0s x up", "0s y SIGHUP", "0s y up")
	})
}
