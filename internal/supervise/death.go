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
	for {
		death, ok := s.host.Reap()
		if !ok {
			break
		}
		if r := s.runs[death.PID]; r != nil {
			delete(s.runs, death.PID)
			s.onProcessGone(r, death)
		}
	}
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
		s.host.Signal(r.pid, syscall.SIGKILL)
	}
	s.spawn(func() {
		r.process.Flush()
		s.post(func() { s.onExit(r, death) })
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
	svc.run = nil
	s.onCrash(svc, death, time.Since(r.started))
}

// onCrash is a process that has ended without being asked to.
func (s *Supervisor) onCrash(svc *service, death Death, lasted time.Duration) {
	wasReady := svc.state == spec.StateReady
	if !wasReady {
		svc.climb.crashes++
		svc.climb.death = death.String()
	}
	if !isShort(lasted, svc.Restart) {
		svc.shortRuns = 0
	}
	switch {
	case svc.restarts(death):
		s.retry(svc, death.String())
	case !death.OK():
		s.fail(svc, death.String())
	case !wasReady:
		s.fail(svc, death.String()+" before it was ready")
	default:
		svc.set(spec.StateExited, death.String())
		s.tell(svc, "%s", death)
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
