package supervise

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/sandwright/sandwright/internal/spec"
)

func TestStartsInOrderOfReadiness(t *testing.T) {
	services := []spec.Service{a("web", after("api", spec.Ready)), a("api", probed(30*time.Second)), a("tail", after("api", spec.Started))}
	onBench(t, services, map[string]*script{"api": {ready: 2 * time.Second}}, func(b *bench) {
		b.want("api", spec.StateStarting, "")
		b.want("web", spec.StateWaiting, "waiting for api: starting")
		b.want("tail", spec.StateReady, "")
		b.after(3 * time.Second)
		b.wantJournal("0s api up", "0s tail up", "2s web up")
		api := b.service("api")
		if api.ReadyBy != "GET /health 200" || api.ReadyAfter.Std() != 2*time.Second || api.PID == 0 {
			t.Errorf("api: %+v", api)
		}
		if web := b.service("web"); web.ReadyBy != "started" {
			t.Errorf("web is ready by %q", web.ReadyBy)
		}
		if s := b.now(); !s.Ready || s.Failed || !s.Settled() {
			t.Errorf("status: %+v", s)
		}
	})
}

func TestNeverReadyFailsWithTheProbesReason(t *testing.T) {
	services := []spec.Service{a("x", probed(30*time.Second)), a("y", after("x", spec.Ready)), a("z", after("y", spec.Ready))}
	never := &script{ready: -1, unready: "GET http://127.0.0.1:3001/health: connection refused"}
	onBench(t, services, map[string]*script{"x": never}, func(b *bench) {
		b.want("x", spec.StateStarting, never.unready)
		b.after(29 * time.Second)
		if b.now().Settled() {
			t.Error("settled before the deadline")
		}
		b.after(2 * time.Second)
		failure := "not ready after 30s: GET http://127.0.0.1:3001/health: connection refused"
		b.want("x", spec.StateFailed, failure)
		b.want("y", spec.StateWaiting, "waiting for x: failed: "+failure)
		b.want("z", spec.StateWaiting, "waiting for y: waiting for x: failed: "+failure)
		if s := b.now(); s.Ready || !s.Failed || !s.Settled() {
			t.Errorf("status: ready %v, failed %v", s.Ready, s.Failed)
		}
		b.after(time.Hour)
		b.wantJournal("0s x up", "30s x down")
	})
}

func TestDeadlineKillsWhatIgnoresSIGTERM(t *testing.T) {
	deaf := &script{ready: -1, unready: "no newline on fd 3", deaf: true}
	onBench(t, []spec.Service{a("x", probed(30*time.Second))}, map[string]*script{"x": deaf}, func(b *bench) {
		b.after(32 * time.Second)
		b.want("x", spec.StateStopping, "not ready after 30s: no newline on fd 3")
		b.after(4 * time.Second)
		b.want("x", spec.StateFailed, "not ready after 30s: no newline on fd 3")
		b.wantJournal("0s x up", "35s x down")
	})
}

// The deadline counts over all runs of a climb, and tells what they said.
func TestCrashLoopEndsAtTheDeadline(t *testing.T) {
	crashing := &script{lives: 100 * time.Millisecond, code: 1, ready: -1, output: "Error: no DATABASE_URL"}
	onBench(t, []spec.Service{a("x", probed(30*time.Second))}, map[string]*script{"x": crashing}, func(b *bench) {
		b.after(500 * time.Millisecond)
		b.want("x", spec.StateBackoff, "exited 1")
		b.after(30 * time.Second)
		b.want("x", spec.StateFailed, "not ready after 30s: exited 1 (6 times), last output: Error: no DATABASE_URL")
		if got := b.service("x").Restarts; got != 5 {
			t.Errorf("%d restarts, want 5", got)
		}
	})
}

func TestDeadlineStartsOverOnceReady(t *testing.T) {
	flaky := &script{lives: 20 * time.Second, ready: time.Second, code: 1}
	onBench(t, []spec.Service{a("x", probed(5*time.Second))}, map[string]*script{"x": flaky}, func(b *bench) {
		b.after(time.Minute)
		b.want("x", spec.StateReady, "")
		if got := b.service("x").Restarts; got != 2 {
			t.Errorf("%d restarts, want 2", got)
		}
	})
}

func TestLaunchFailures(t *testing.T) {
	wrong := fmt.Errorf("cannot start /nope: %w", syscall.ENOENT)
	busy := fmt.Errorf("cannot start /busy: %w", syscall.EAGAIN)
	onBench(t, []spec.Service{a("wrong"), a("busy")}, map[string]*script{"wrong": {launch: wrong}, "busy": {launch: busy}}, func(b *bench) {
		b.want("wrong", spec.StateFailed, "cannot start /nope: no such file or directory")
		b.want("busy", spec.StateBackoff, "cannot start /busy: resource temporarily unavailable")
		b.host.mu.Lock()
		b.host.scripts["busy"] = &script{}
		b.host.mu.Unlock()
		b.after(1500 * time.Millisecond)
		b.want("busy", spec.StateReady, "")
	})
}

func TestReadinessOfAnotherRunDoesNotCount(t *testing.T) {
	onBench(t, []spec.Service{a("x", probed(30*time.Second))}, map[string]*script{"x": {lives: time.Second, code: 1, ready: -1}}, func(b *bench) {
		var old *run
		b.loop.Post(func() { old = b.services[0].run })
		b.after(2500 * time.Millisecond)
		b.loop.Post(func() { b.onReady(old, "late") })
		b.want("x", spec.StateStarting, "")
	})
}
