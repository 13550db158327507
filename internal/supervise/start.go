package supervise

import (
	"context"
	"errors"
	"slices"
	"syscall"
	"time"

	"github.com/sandwright/sandwright/internal/spec"
)

// begin takes a service up afresh: it waits for what it comes after, and
// settle launches it.
func (s *Supervisor) begin(svc *service) {
	svc.alarm.stop()
	svc.climb.end()
	svc.shortRuns = 0
	svc.set(spec.StateWaiting, "")
}

// launch starts the next run of a service.
func (s *Supervisor) launch(svc *service) {
	process, err := s.host.Launch(svc.Service, s.env.of(svc.Service))
	if err != nil {
		s.onLaunchFailed(svc, err)
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &run{svc: svc, process: process, pid: process.PID(), started: time.Now(), cancel: cancel}
	svc.run, svc.latest = r, process
	s.runs[r.pid] = r
	svc.launches++
	svc.set(spec.StateStarting, "")
	s.tell(svc, "started, pid %d", r.pid)
	if svc.Ready == nil {
		s.onReady(r, "started")
		return
	}
	s.limitClimb(svc)
	s.spawn(func() { s.watch(ctx, r) })
}

// limitClimb sets the deadline at the first start of a climb.
func (s *Supervisor) limitClimb(svc *service) {
	if deadline := svc.Ready.Deadline.Std(); svc.climb.alarm == nil && deadline > 0 {
		svc.climb.alarm = s.alarmAfter(deadline, func() { s.onDeadline(svc) })
	}
}

// watch turns what the probe of a run finds into events.
func (s *Supervisor) watch(ctx context.Context, r *run) {
	unready := func(err error) { s.post(func() { s.onUnready(r, err) }) }
	how, err := r.process.Ready(ctx, unready)
	switch {
	case err == nil:
		s.post(func() { s.onReady(r, how) })
	case ctx.Err() == nil:
		unready(err)
	}
}

// onReady is a run that has shown that it is ready.
func (s *Supervisor) onReady(r *run, how string) {
	svc := r.svc
	if svc.run != r || svc.state != spec.StateStarting || r.over {
		return
	}
	svc.climb.end()
	svc.set(spec.StateReady, "")
	svc.readyBy, svc.readyAfter = how, time.Since(r.started)
	s.tell(svc, "ready after %s (%s)", rounded(svc.readyAfter), how)
}

// onUnready is a run that has been asked and was not ready.
func (s *Supervisor) onUnready(r *run, err error) {
	r.unready = err.Error()
	if r.svc.run == r && r.svc.state == spec.StateStarting {
		r.svc.reason = r.unready
	}
}

// onDeadline is a service that has not become ready in time.
func (s *Supervisor) onDeadline(svc *service) {
	reason := "not ready after " + svc.Ready.Deadline.String() + ": " + svc.obstacle()
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

// fail gives a service up.
func (s *Supervisor) fail(svc *service, reason string) {
	svc.alarm.stop()
	svc.climb.end()
	svc.set(spec.StateFailed, reason)
	s.tell(svc, "failed: %s", reason)
}

// retry starts a service again after a delay that grows.
func (s *Supervisor) retry(svc *service, reason string) {
	delay := backoffDelay(svc.shortRuns, svc.Restart)
	svc.shortRuns++
	svc.set(spec.StateBackoff, reason)
	s.tell(svc, "%s, starting again in %s", reason, rounded(delay))
	svc.alarm = s.alarmAfter(delay, func() { s.onBackoffOver(svc) })
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
