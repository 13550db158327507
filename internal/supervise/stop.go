package supervise

import (
	"fmt"
	"os"
	"syscall"

	"github.com/sandwright/sandwright/internal/spec"
)

// stop ends the process of a service, if it has one, and then goes for goal.
// A service that is being stopped already only changes its goal.
func (s *Supervisor) stop(svc *service, goal goal, reason string) {
	svc.goal = goal
	if svc.state == spec.StateStopping {
		return
	}
	svc.alarm.Stop()
	svc.climb.end()
	if svc.unit != nil {
		s.stopUnit(svc, reason)
		return
	}
	if svc.run == nil {
		svc.reason = reason
		s.onStopped(svc)
		return
	}
	svc.set(spec.StateStopping, reason)
	svc.run.process.Signal(stopSignal(svc.Stop))
	svc.run.process.Signal(syscall.SIGCONT)
	if s.hasty {
		s.kill(svc)
		return
	}
	svc.alarm = s.loop.After(svc.Stop.Timeout.Std(), func() { s.onStopTimeout(svc) })
}

// onStopTimeout is a service that has had its time to end.
func (s *Supervisor) onStopTimeout(svc *service) {
	s.tell(svc, "not gone after %s, killing it", svc.Stop.Timeout)
	s.kill(svc)
}

// kill ends a service that is being stopped, and all that is in its group.
func (s *Supervisor) kill(svc *service) {
	if svc.unit != nil {
		svc.unit.Kill()
		return
	}
	r := svc.run
	r.process.Signal(syscall.SIGKILL)
	if r.over {
		s.onStopped(svc)
		return
	}
	svc.alarm.Stop()
	svc.alarm = s.loop.After(killTime, func() { s.onUnkillable(svc) })
}

// onUnkillable is a process that even SIGKILL has not ended, as when the
// kernel waits for a device. It is left behind.
func (s *Supervisor) onUnkillable(svc *service) {
	pid := svc.run.pid
	s.drop(svc)
	s.fail(svc, fmt.Sprintf("process %d is not gone %s after SIGKILL", pid, killTime))
}

// onGroupChanged looks whether a service that is being stopped has ended: its
// process, and all others in its group.
func (s *Supervisor) onGroupChanged(svc *service) {
	if svc.state == spec.StateStopping && svc.run != nil && svc.run.over && !svc.run.process.Signal(0) {
		s.onStopped(svc)
	}
}

// onStopped is a service that has ended because it was asked to.
func (s *Supervisor) onStopped(svc *service) {
	svc.alarm.Stop()
	if svc.run != nil {
		s.drop(svc)
	}
	switch {
	case svc.goal == goalStart:
		s.begin(svc)
	case svc.goal == goalFailed || svc.goal == goalRetry && !svc.restarts(false):
		s.fail(svc, svc.reason)
	case svc.goal == goalRetry:
		s.retry(svc, svc.reason)
	case svc.goal == goalGone:
		s.forget(svc)
	default:
		svc.set(spec.StateStopped, "")
		s.tell(svc, "stopped")
	}
}

// onSignal is a signal to the supervisor itself. The first SIGTERM or SIGINT
// asks for a shutdown, the second for haste; others are passed on.
func (s *Supervisor) onSignal(sig os.Signal) {
	switch sig {
	case syscall.SIGTERM, syscall.SIGINT:
		if s.phase == running {
			s.shutdown()
			return
		}
		s.hasten()
	case syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2:
		for _, svc := range s.services {
			if svc.pid() != 0 {
				svc.signal(sig.(syscall.Signal))
			}
		}
	}
}

// shutdown begins to stop everything; settle does the rest.
func (s *Supervisor) shutdown() {
	if s.phase == running {
		s.say("stopping")
		s.phase = stopping
	}
}

// hasten kills what has been asked to end.
func (s *Supervisor) hasten() {
	s.hasty = true
	for _, svc := range s.services {
		if svc.state == spec.StateStopping {
			s.kill(svc)
		}
	}
	if s.phase == sweeping {
		s.onSweepTimeout()
	}
}

// stopNext stops the services on which nobody depends any more, and sweeps
// once there is none left.
func (s *Supervisor) stopNext() {
	left := false
	for again := true; again; {
		again, left = false, false
		for _, svc := range s.services {
			if svc.stoppable() {
				s.stop(svc, goalStopped, "")
				again = again || svc.resting()
			}
			left = left || !svc.resting()
		}
	}
	if !left {
		s.sweep()
	}
}

// stoppable tells whether a shutdown may stop the service now.
func (s *service) stoppable() bool {
	return !s.resting() && s.state != spec.StateStopping && (!s.alive() || !s.needed())
}

// needed tells whether a service that depends on this one still has a process.
func (s *service) needed() bool {
	for _, dependant := range s.dependants {
		if dependant.alive() {
			return true
		}
	}
	return false
}

// sweep asks the processes that are nobody's service to end, too.
func (s *Supervisor) sweep() {
	s.phase = sweeping
	if s.hasty {
		s.onSweepTimeout()
		return
	}
	if !s.host.SignalRest(syscall.SIGTERM) {
		s.phase = over
		return
	}
	s.loop.After(sweepTime, s.onSweepTimeout)
}

// onSweepTimeout kills them.
func (s *Supervisor) onSweepTimeout() {
	if s.sweepSig == syscall.SIGKILL {
		return
	}
	s.sweepSig = syscall.SIGKILL
	s.onRestChanged()
	s.loop.After(sweepTime, func() { s.phase = over })
}

// onRestChanged looks whether they are gone. Killing one may have brought its
// children to us.
func (s *Supervisor) onRestChanged() {
	if !s.host.SignalRest(s.sweepSig) {
		s.phase = over
	}
}
