package supervise

import (
	"fmt"
	"syscall"
	"time"

	"github.com/sandwright/sandwright/internal/spec"
)

// onDeaths collects every dead child. The loop both launches and reaps, so a
// pid is known before its death can be seen, and nobody else waits for it.
func (s *Supervisor) onDeaths() {
	s.loop.Reap(s.host.Reap)
	for _, svc := range s.services {
		s.onGroupChanged(svc)
	}
	if s.phase == sweeping {
		s.onRestChanged()
	}
}

// onProcessGone is a service's own process that has been reaped. What it
// leaves in its group has lost its purpose, unless the group was asked to end
// and still has time for it. Its last words are logged before more is done.
func (s *Supervisor) onProcessGone(r *run, death Death) {
	r.cancel()
	if r.svc.state != spec.StateStopping {
		r.process.Signal(syscall.SIGKILL)
	}
	s.loop.Go(func() {
		r.process.Flush()
		s.loop.Post(func() { s.onExit(r, death) })
	})
}

// onExit is a run whose process is gone and whose words are logged.
func (s *Supervisor) onExit(r *run, death Death) {
	svc := r.svc
	if svc.run != r {
		return
	}
	r.over = true
	if svc.state == spec.StateStopping {
		s.onGroupChanged(svc)
		return
	}
	s.drop(svc)
	s.onCrash(svc, death, time.Since(r.started))
}

// drop forgets the run of a service, of which nothing is left.
func (s *Supervisor) drop(svc *service) {
	svc.alarm.Stop()
	svc.run.cancel()
	svc.run.process.Close()
	svc.run = nil
}

// onCrash is a process that has ended without being asked to.
func (s *Supervisor) onCrash(svc *service, death Death, lasted time.Duration) {
	wasReady := svc.state == spec.StateReady || svc.state == spec.StateUnready
	if !wasReady {
		svc.climb.crashes++
		svc.climb.death = death.String()
	}
	if !isShort(lasted, svc.Restart) {
		svc.shortRuns = 0
	}
	svc.code = death.Code()
	switch {
	case svc.restarts(death.OK()):
		s.retry(svc, death.String())
	case !death.OK():
		s.fail(svc, death.String())
	case svc.Task == nil && !wasReady:
		s.fail(svc, death.String()+" before it was ready")
	default:
		s.onDone(svc, death)
	}
}

// onDone is a service that has ended in good order and is not started again.
func (s *Supervisor) onDone(svc *service, death Death) {
	svc.climb.end()
	svc.set(spec.StateExited, death.String())
	s.tell(svc, "%s", death)
	s.onEnd(svc, svc.code)
}

// onEnd is a service that has ended for good, by itself: the main one takes
// the sandbox with it.
func (s *Supervisor) onEnd(svc *service, code int) {
	if svc.Name == s.main && s.phase == running {
		s.say(svc.Name + " has ended, and it is the main service")
		s.code = code
		s.shutdown()
	}
}

// obstacle is why a climb has not reached ready: the deaths on the way, or
// what the probe of the only run has found.
func (s *service) obstacle() string {
	text := s.climb.death
	switch {
	case s.climb.crashes == 0 && s.run == nil:
		return s.reason
	case s.climb.crashes == 0:
		return s.run.unready
	case s.climb.crashes > 1:
		text += fmt.Sprintf(" (%d times)", s.climb.crashes)
	}
	if last := s.lastOutput(); last != "" {
		text += ", last output: " + last
	}
	return text
}
