package supervise

import (
	"testing"
	"time"

	"github.com/sandwright/sandwright/internal/probe"
	"github.com/sandwright/sandwright/internal/spec"
)

func live(s *spec.Service) { s.Live = &spec.Probe{TCP: "127.0.0.1:1"} }

func started(deadline time.Duration) func(*spec.Service) {
	return func(s *spec.Service) { s.Start = &spec.Probe{TCP: "127.0.0.1:1", Deadline: spec.Duration(deadline)} }
}

func on(use probe.Use, after time.Duration, v probe.Verdict) find {
	return find{after, Finding{Use: use, Verdict: v}}
}

func TestNotLiveRestarts(t *testing.T) {
	hangs := &script{ready: time.Second, finds: []find{
		on(probe.Live, time.Second, bad("connection refused")), on(probe.Live, time.Second, failed("connection refused")),
	}}
	onBench(t, []spec.Service{a("x", probed(time.Minute), live)}, map[string]*script{"x": hangs}, func(b *bench) {
		b.after(2500 * time.Millisecond)
		b.want("x", spec.StateReady, "")
		b.after(time.Second)
		b.want("x", spec.StateBackoff, "not live: connection refused")
		if got := b.service("x").Detail; got != "seen: connection refused" {
			t.Errorf("detail %q", got)
		}
		b.after(1500 * time.Millisecond)
		b.wantJournal("0s x up", "3s x down", "4s x up")
		b.want("x", spec.StateReady, "")
	})
}

func TestNotLiveUnderPolicyNever(t *testing.T) {
	hangs := &script{finds: []find{on(probe.Live, time.Second, failed("timeout"))}}
	onBench(t, []spec.Service{a("x", probed(time.Minute), live, policy(spec.Never))}, map[string]*script{"x": hangs}, func(b *bench) {
		b.after(2 * time.Second)
		b.want("x", spec.StateFailed, "not live: timeout")
		b.wantJournal("0s x up", "1s x down")
	})
}

func TestUnreadyAndBack(t *testing.T) {
	moody := &script{finds: []find{
		on(probe.Ready, time.Second, bad("503")), on(probe.Ready, time.Second, failed("503 again")), on(probe.Ready, time.Second, good("GET / 200")),
	}}
	services := []spec.Service{a("x", probed(time.Minute)), a("y", after("x", spec.Ready))}
	onBench(t, services, map[string]*script{"x": moody}, func(b *bench) {
		b.after(1500 * time.Millisecond)
		b.want("x", spec.StateReady, "")
		b.after(time.Second)
		b.want("x", spec.StateUnready, "503 again")
		b.want("y", spec.StateReady, "")
		if b.now().Ready {
			t.Error("the box is ready")
		}
		b.do("restart", "y")
		b.want("y", spec.StateWaiting, "waiting for x: unready: 503 again")
		if got := b.service("y").WaitsFor; got != "x" {
			t.Errorf("it waits for %q", got)
		}
		b.after(time.Second)
		b.want("x", spec.StateReady, "")
		b.want("y", spec.StateReady, "")
	})
}

// The start probe has its deadline, and the ready probe its own after it.
func TestStartThenReady(t *testing.T) {
	slow := &script{ready: -1}
	services := []spec.Service{a("x", started(10*time.Second), probed(5*time.Second)), a("y", after("x", spec.Started))}
	onBench(t, services, map[string]*script{"x": slow}, func(b *bench) {
		b.after(9 * time.Second)
		b.find("x", Finding{Use: probe.Start, Verdict: good("connected")})
		b.want("x", spec.StateStarting, "")
		b.after(4 * time.Second)
		b.want("x", spec.StateStarting, "")
		b.find("x", Finding{Use: probe.Ready, Verdict: bad("503")})
		b.after(2 * time.Second)
		b.want("x", spec.StateFailed, "not ready after 5s: 503")
		b.want("y", spec.StateReady, "")
	})
}

func TestStartAloneMakesReady(t *testing.T) {
	onBench(t, []spec.Service{a("x", started(10*time.Second))}, map[string]*script{"x": {ready: -1}}, func(b *bench) {
		b.find("x", Finding{Use: probe.Start, Verdict: good("connected")})
		b.want("x", spec.StateReady, "")
		words := "serving 3 clients"
		b.find("x", Finding{Says: &words})
		if got := b.service("x"); got.Says != "serving 3 clients" || got.ReadyBy != "connected" {
			t.Errorf("%+v", got)
		}
	})
}

func TestStartDeadline(t *testing.T) {
	onBench(t, []spec.Service{a("x", started(10*time.Second), probed(time.Hour))}, map[string]*script{"x": {ready: -1, unready: "no"}}, func(b *bench) {
		b.after(11 * time.Second)
		b.want("x", spec.StateFailed, "not ready after 10s: no")
	})
}

// A crash loop cannot live on start probes that succeed again and again.
func TestStartDoesNotRenewTheDeadline(t *testing.T) {
	looping := &script{ready: -1, lives: 2 * time.Second, code: 1}
	onBench(t, []spec.Service{a("x", started(10*time.Second), probed(20*time.Second))}, map[string]*script{"x": looping}, func(b *bench) {
		for range 60 {
			b.find("x", Finding{Use: probe.Start, Verdict: good("connected")})
			b.after(time.Second)
		}
		if got := b.service("x"); got.State != spec.StateFailed {
			t.Errorf("%+v", got)
		}
	})
}
