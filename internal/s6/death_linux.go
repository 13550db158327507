package s6

import (
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// failedCode is the exit code by which finish asks for no further start.
const failedCode = 125

// died is the end of run: finish follows.
func (s *Service) died(status syscall.WaitStatus) {
	if s.state.Phase == Left {
		return
	}
	// It may have told of its readiness just before.
	s.readNotice()
	s.closeNotice()
	s.alarm.Stop()
	s.wasReady = s.state.Ready
	s.state.PID, s.state.Phase, s.state.Changed, s.state.Wait = 0, Finishing, time.Now(), status
	s.state.Finishing, s.state.Ready, s.state.Paused = true, false, false
	if err := s.dir.addDeath(s.dir.tallyLimit(), s.state.Changed, status); err != nil {
		s.complain("cannot write its death tally", err)
	}
	s.finish(status)
}

// finish runs the program of that name, and without one goes on at once.
func (s *Service) finish(status syscall.WaitStatus) {
	code, sig := 256, 0
	if status.Signaled() {
		sig = int(status.Signal())
	} else {
		code = status.ExitStatus()
	}
	pid, err := 0, error(unix.ENOENT)
	if s.dir.exists("finish") {
		pid, err = s.o.Host.Start(s.command("finish", nil, strconv.Itoa(code), strconv.Itoa(sig), s.o.Name))
	}
	if err != nil {
		if s.dir.exists("finish") {
			s.complain("cannot start finish", explain(s.dir.path+"/finish", err))
		}
		s.finished(eventDown, 0)
		return
	}
	s.o.Loop.Watch(pid, func(status syscall.WaitStatus) {
		if s.state.Phase == Finishing {
			s.finished("", status)
		}
	})
	s.state.PID = pid
	s.announce(eventDown)
	s.remember(pid)
	if timeout := s.dir.milliseconds("timeout-finish", finishTimeout); timeout > 0 {
		s.after(timeout, s.killFinish)
	}
}

func (s *Service) killFinish() {
	s.o.Say(s.o.Name + ": finish runs for too long and is killed")
	// It fails when it has just ended.
	_ = s.o.Host.Signal(s.state.PID, unix.SIGKILL)
}

// finished is the end of finish: the service is down. Whether it is started
// again is up to what is wanted, and when, to how long it has been ready. Of
// untold events listeners hear first.
func (s *Service) finished(untold string, status syscall.WaitStatus) {
	s.alarm.Stop()
	readyAt := s.state.ReadyAt
	s.state.PID, s.state.Phase, s.state.Finishing, s.state.Ready, s.state.ReadyAt = 0, Down, false, true, time.Now()
	if status.Exited() && status.ExitStatus() == failedCode {
		untold += eventFailed
		s.state.Wanted, s.state.Failed = false, true
	}
	if s.state.Wanted && !s.state.Leaving {
		s.restart(readyAt, untold+eventFinished)
		return
	}
	s.announce(untold + eventFinished)
	s.forget()
	if s.state.Leaving {
		s.leave()
	}
}

// restart tells of the end and starts the service again when it is time.
func (s *Service) restart(readyAt time.Time, events string) {
	delay := restartDelay
	if s.wasReady {
		delay -= time.Since(readyAt)
	}
	if delay > 0 {
		s.state.Next = time.Now().Add(delay)
		s.after(delay, s.start)
	}
	s.announce(events)
	if delay > 0 {
		s.forget()
		return
	}
	s.start()
}
