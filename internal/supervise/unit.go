package supervise

import (
	"syscall"
	"time"

	"github.com/sandwright/sandwright/internal/s6"
	"github.com/sandwright/sandwright/internal/spec"
)

// A Unit is an s6 service directory, supervised as s6-supervise does, of which
// this supervisor only says when it may be up. *s6.Service is the real one.
// s6's own clients may change it at any time.
type Unit interface {
	State() s6.State
	Notifies() bool // it says itself when it is ready
	KeptDown() bool // its down file keeps it from being started
	Up()
	Down()
	Kill()      // SIGKILL to the group of what runs
	Terminate() // down, and then left
}

// open takes the directory of a service, so that s6's clients find it from now
// on. It is down until its time has come.
func (s *Supervisor) open(svc *service) {
	unit, err := s.host.Open(s.loop, svc.Service, s.env.of(svc.Service), func() { s.onUnitChanged(svc) })
	if err != nil {
		s.fail(svc, err.Error())
		return
	}
	svc.unit, svc.stale = unit, false
}

// launchUnit has an s6 service started, unless its own down file forbids it.
func (s *Supervisor) launchUnit(svc *service) {
	if svc.stale {
		svc.leaveUnit()
	}
	if svc.unit == nil {
		s.open(svc)
	}
	switch {
	case svc.unit == nil:
	case svc.unit.KeptDown() && !svc.asked:
		svc.set(spec.StateStopped, "its down file keeps it down")
	default:
		svc.set(spec.StateStarting, "")
		svc.unit.Up()
	}
	svc.asked = false
}

// leaveUnit gives the directory of a service up. Nothing that happens to it
// is of interest any more.
func (s *service) leaveUnit() {
	if unit := s.unit; unit != nil {
		s.unit = nil
		unit.Terminate()
	}
}

// stopUnit ends what runs of an s6 service, with SIGKILL after the service's
// stop timeout.
func (s *Supervisor) stopUnit(svc *service, reason string) {
	if !svc.alive() {
		svc.reason = reason
		svc.unit.Down()
		s.onStopped(svc)
		return
	}
	svc.set(spec.StateStopping, reason)
	if s.hasty {
		svc.unit.Down()
		svc.unit.Kill()
		return
	}
	svc.alarm = s.loop.After(svc.Stop.Timeout.Std(), func() {
		s.tell(svc, "not gone after %s, killing it", svc.Stop.Timeout)
		svc.unit.Kill()
	})
	svc.unit.Down()
}

// onUnitChanged is an s6 service that has changed, by whatever cause: what
// s6's clients do is as good as what we do.
func (s *Supervisor) onUnitChanged(svc *service) {
	if svc.unit == nil {
		return
	}
	u := svc.unit.State()
	svc.launches = max(svc.launches, u.Restarts+1)
	if u.Phase == s6.Up && svc.begun != u.PID {
		svc.begun = u.PID
		s.tell(svc, "started, pid %d", u.PID)
	}
	if svc.state == spec.StateStopping {
		if u.PID == 0 {
			s.onStopped(svc)
		}
		return
	}
	switch {
	case u.Phase == s6.Up && !u.Wanted:
		svc.set(spec.StateStopping, "")
		svc.goal = goalStopped
	case u.Phase == s6.Up && (u.Ready || !svc.unit.Notifies()):
		s.onUnitReady(svc, u)
	case u.Phase == s6.Up:
		svc.set(spec.StateStarting, "no newline on its notification-fd")
	case u.Phase == s6.Finishing && u.Wanted:
		svc.set(spec.StateBackoff, "its finish runs")
	case u.Phase == s6.Down && u.Failed:
		s.fail(svc, "its finish says that starting it is of no use")
	case u.Phase == s6.Down && u.Wanted:
		svc.set(spec.StateBackoff, u.Reason)
	case u.Phase == s6.Down && svc.state != spec.StateWaiting && !svc.resting():
		svc.set(spec.StateStopped, "")
	}
}

func (s *Supervisor) onUnitReady(svc *service, u s6.State) {
	if svc.state == spec.StateReady {
		return
	}
	how := "started"
	if u.Ready {
		how = "newline on its notification-fd"
	}
	svc.set(spec.StateReady, "")
	svc.readyBy, svc.readyAfter = how, time.Since(u.Changed)
	s.tell(svc, "ready after %s (%s)", rounded(svc.readyAfter), how)
}

// pid is the process that the service is now; 0 is none.
func (s *service) pid() int {
	switch {
	case s.unit != nil:
		return s.unit.State().PID
	case s.run != nil && !s.run.over:
		return s.run.pid
	}
	return 0
}

// alive tells whether anything of the service runs.
func (s *service) alive() bool { return s.run != nil || s.unit != nil && s.pid() != 0 }

// signal reaches every process of the service, and tells whether any was there.
func (s *service) signal(sig syscall.Signal) bool {
	switch {
	case s.run != nil:
		return s.run.process.Signal(sig)
	case s.pid() != 0:
		return syscall.Kill(-s.pid(), sig) == nil
	}
	return false
}
