package supervise

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/sandwright/sandwright/internal/probe"
	"github.com/sandwright/sandwright/internal/spec"
)

// begin takes a service up afresh: it waits for what it comes after, and
// settle launches it.
func (s *Supervisor) begin(svc *service) {
	svc.alarm.Stop()
	svc.climb.end()
	svc.shortRuns = 0
	svc.starts = nil
	svc.set(spec.StateWaiting, "")
}

// launch starts the next run of a service.
func (s *Supervisor) launch(svc *service) {
	if svc.S6 != "" {
		s.launchUnit(svc)
		return
	}
	process, err := s.host.Launch(s.loop, svc.Service, s.env.of(svc.Service))
	if err != nil {
		s.onLaunchFailed(svc, err)
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &run{svc: svc, process: process, pid: process.PID(), started: time.Now(), cancel: cancel}
	svc.run, svc.latest, svc.says, svc.code = r, process, "", 0
	svc.launches++
	svc.starts = append(svc.starts, r.started)
	s.loop.Watch(r.pid, func(status syscall.WaitStatus) { s.onProcessGone(r, Death{status}) })
	svc.set(spec.StateStarting, svc.purpose())
	s.tell(svc, "started, pid %d", r.pid)
	s.await(r)
	if isProbed(svc.Service) {
		s.loop.Go(func() { process.Watch(ctx, func(f Finding) { s.loop.Post(func() { s.onFinding(r, f) }) }) })
	}
}

// await sets what a run that has just started is waited for.
func (s *Supervisor) await(r *run) {
	svc := r.svc
	switch {
	case svc.Task != nil:
		if deadline := svc.Task.Deadline.Std(); deadline > 0 {
			svc.alarm = s.loop.After(deadline, func() { s.onTaskDeadline(svc) })
		}
	case svc.Start != nil:
		s.limitClimb(svc, svc.Start)
	case svc.Ready != nil:
		s.limitClimb(svc, svc.Ready)
	default:
		s.onReady(r, "started")
	}
}

// limitClimb sets the deadline of a probe, at the first start of a climb.
func (s *Supervisor) limitClimb(svc *service, p *spec.Probe) {
	if deadline := p.Deadline.Std(); svc.climb.alarm == nil && deadline > 0 {
		svc.climb.alarm = s.loop.After(deadline, func() { s.onDeadline(svc, p) })
	}
}

// onFinding is a probe of a run that has found something.
func (s *Supervisor) onFinding(r *run, f Finding) {
	svc := r.svc
	if svc.run != r || r.over || svc.state == spec.StateStopping {
		return
	}
	if f.Says != nil {
		svc.says = *f.Says
		return
	}
	if !f.OK {
		svc.detail = f.Detail
	}
	switch {
	case f.Use == probe.Live && !f.OK && f.Counts:
		s.onNotLive(svc, f.Text())
	case f.Use == probe.Live:
	case !f.OK:
		s.onUnready(r, f.Verdict)
	case f.Use == probe.Start && svc.Ready != nil:
		s.onUp(svc)
	default:
		s.onReady(r, f.How)
	}
}

// onUp is a service whose start probe has succeeded. From here on its ready
// probe has its own time.
func (s *Supervisor) onUp(svc *service) {
	if svc.climb.up || svc.state != spec.StateStarting {
		return
	}
	svc.climb.up = true
	svc.climb.alarm.Stop()
	svc.climb.alarm = nil
	s.limitClimb(svc, svc.Ready)
}

// onReady is a run that has shown that it is ready.
func (s *Supervisor) onReady(r *run, how string) {
	svc := r.svc
	if svc.run != r || r.over || (svc.state != spec.StateStarting && svc.state != spec.StateUnready) {
		return
	}
	again := svc.state == spec.StateUnready
	svc.climb.end()
	svc.set(spec.StateReady, "")
	svc.readyBy, svc.readyAfter = how, time.Since(r.started)
	if again {
		s.tell(svc, "ready again (%s)", how)
		return
	}
	s.tell(svc, "ready after %s (%s)", rounded(svc.readyAfter), how)
}

// onUnready is a run that has been asked and was not ready. One that was ready
// before is so until that counts.
func (s *Supervisor) onUnready(r *run, v probe.Verdict) {
	svc := r.svc
	switch {
	case svc.state == spec.StateStarting:
		r.unready = v.Text()
		svc.reason = v.Text()
	case svc.state == spec.StateUnready:
		svc.reason = v.Text()
	case svc.state == spec.StateReady && v.Counts:
		svc.set(spec.StateUnready, v.Text())
		s.tell(svc, "no longer ready: %s", v.Text())
	}
}

// onNotLive is a service that runs and does not live: it is ended, and started
// again as its policy says.
func (s *Supervisor) onNotLive(svc *service, why string) {
	s.tell(svc, "not live: %s", why)
	if !isShort(time.Since(svc.run.started), svc.Restart) {
		svc.shortRuns = 0
	}
	s.stop(svc, goalRetry, "not live: "+why)
}

// onDeadline is a service that has not become ready in time.
func (s *Supervisor) onDeadline(svc *service, p *spec.Probe) {
	s.giveUp(svc, "not ready after "+p.Deadline.String()+": "+svc.obstacle())
}

// onTaskDeadline is a task that has not ended in time.
func (s *Supervisor) onTaskDeadline(svc *service) {
	reason := "not done after " + svc.Task.Deadline.String()
	if last := svc.lastOutput(); last != "" {
		reason += ", last output: " + last
	}
	s.stop(svc, goalRetry, reason)
}

// giveUp ends a service for good.
func (s *Supervisor) giveUp(svc *service, reason string) {
	svc.climb.end()
	if svc.run == nil {
		s.fail(svc, reason)
		return
	}
	s.stop(svc, goalFailed, reason)
}

// onLaunchFailed is a process that could not be made. What is lacking for a
// moment is tried again as after a death; what is wrong stays wrong.
func (s *Supervisor) onLaunchFailed(svc *service, err error) {
	if isPassing(err) {
		s.retry(svc, err.Error())
		return
	}
	s.fail(svc, err.Error())
}

// isPassing tells whether a launch that failed so may succeed later.
func isPassing(err error) bool {
	passing := []error{syscall.EAGAIN, syscall.ENOMEM, syscall.EMFILE, syscall.ENFILE, syscall.ETXTBSY, syscall.EINTR}
	return slices.ContainsFunc(passing, func(one error) bool { return errors.Is(err, one) })
}

// fail gives a service up. That of an optional task is its end.
func (s *Supervisor) fail(svc *service, reason string) {
	svc.alarm.Stop()
	svc.climb.end()
	state := spec.StateFailed
	if svc.Task != nil && svc.Task.Optional {
		state, reason = spec.StateExited, "failed: "+reason
	}
	svc.set(state, reason)
	s.tell(svc, "failed: %s", strings.TrimPrefix(reason, "failed: "))
	s.onEnd(svc, cmp.Or(svc.code, 1))
}

// retry starts a service again after a delay that grows, unless it has been
// started too often.
func (s *Supervisor) retry(svc *service, reason string) {
	if svc.exhausted() {
		s.fail(svc, fmt.Sprintf("%s (%d starts within %s)", reason, svc.Restart.StartLimit, startInterval(svc.Restart)))
		return
	}
	delay := shorten(backoffDelay(svc.shortRuns, svc.Restart), s.chance())
	svc.shortRuns++
	svc.set(spec.StateBackoff, reason)
	s.tell(svc, "%s, starting again in %s", reason, rounded(delay))
	svc.alarm = s.loop.After(delay, func() { s.onBackoffOver(svc) })
}

// exhausted tells whether the start limit is reached, and forgets the starts
// that do not count any more.
func (s *service) exhausted() bool {
	limit := s.Restart.StartLimit
	if limit == 0 {
		s.starts = nil
		return false
	}
	since := time.Now().Add(-startInterval(s.Restart))
	s.starts = slices.DeleteFunc(s.starts, func(t time.Time) bool { return t.Before(since) })
	return len(s.starts) >= limit
}

// onBackoffOver is a service whose next run is due, unless what it comes
// after is gone by now.
func (s *Supervisor) onBackoffOver(svc *service) {
	if svc.blocker() != nil {
		s.begin(svc)
		return
	}
	s.launch(svc)
}
