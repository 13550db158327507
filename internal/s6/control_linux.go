package s6

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// signalOf is the signal that a command sends to run; 0 is none.
func signalOf(command byte) syscall.Signal {
	switch command {
	case 'a':
		return unix.SIGALRM
	case 'b':
		return unix.SIGABRT
	case 'q':
		return unix.SIGQUIT
	case 'h':
		return unix.SIGHUP
	case 'k':
		return unix.SIGKILL
	case 't':
		return unix.SIGTERM
	case 'i':
		return unix.SIGINT
	case '1':
		return unix.SIGUSR1
	case '2':
		return unix.SIGUSR2
	case 'y':
		return unix.SIGWINCH
	}
	return 0
}

// readControl obeys what has been written to the control FIFO.
func (s *Service) readControl() {
	for s.state.Phase != Left {
		commands, open := drain(s.control.reader)
		if !open {
			s.o.Say(s.o.Name + ": cannot read " + controlFile + " any more")
			s.o.Poller.Remove(s.control.reader)
			return
		}
		if len(commands) == 0 {
			return
		}
		for _, c := range commands {
			s.Control(c)
		}
	}
}

// Control obeys one command as s6-svc writes them; one that is none is nothing.
func (s *Service) Control(command byte) {
	if s.state.Phase == Left {
		return
	}
	switch command {
	case 'p':
		s.pause(unix.SIGSTOP, true)
	case 'c':
		s.pause(unix.SIGCONT, false)
	case 'u', 'U', 'd', 'D', 'o', 'O', 'Q':
		s.want(command)
	case 'r':
		s.signal(s.downSignal())
	case 'x':
		s.Leave()
	default:
		if sig := signalOf(command); sig != 0 {
			s.signal(sig)
		}
	}
}

// Up has the service started, and again whenever it ends.
func (s *Service) Up() { s.Control('u') }

// Down ends the service, which is not started again. One that does not end is
// killed only after timeout-kill.
func (s *Service) Down() { s.Control('d') }

// Restart ends the run there is; one that is wanted is started again.
func (s *Service) Restart() { s.Control('r') }

// Kill reaches the process group of what runs, run or finish, at once.
func (s *Service) Kill() {
	if s.state.PID != 0 {
		// It fails when nothing is left of it, which is what is wanted.
		_ = s.o.Host.Signal(-s.state.PID, unix.SIGKILL)
	}
}

// Leave has the service left as soon as it is down: at once, or once the run
// there is, and its finish, have ended. What runs from now on has /dev/null for
// its input and output.
func (s *Service) Leave() {
	if s.state.Phase == Left {
		return
	}
	s.quiet = true
	s.leaveOnceDown()
}

func (s *Service) leaveOnceDown() {
	s.state.Leaving = true
	if s.state.Phase == Down {
		s.leave()
	}
}

// Terminate ends the service and leaves it, as s6-supervise does on SIGTERM.
func (s *Service) Terminate() {
	if s.state.Phase == Up {
		s.Down()
	}
	if s.state.Phase != Left {
		s.leaveOnceDown()
	}
}

// want changes whether the service is to be up, for now or, with a capital
// letter, also for a successor.
func (s *Service) want(command byte) {
	s.keep(command)
	up := command == 'u' || command == 'U'
	if s.state.Phase == Up && (command == 'd' || command == 'D') {
		s.signal(s.downSignal())
		s.signal(unix.SIGCONT)
		s.state.Paused = false
	}
	s.state.Wanted = up
	s.state.Failed = s.state.Failed && !up && command != 'o'
	s.announce("")
	switch {
	case s.state.Phase == Up && (command == 'd' || command == 'D'):
		s.killLater()
	case s.state.Phase == Down && (up || command == 'o'):
		s.start()
	case s.state.Phase == Down:
		s.rest()
	}
}

// keep makes or removes the down file.
func (s *Service) keep(command byte) {
	switch command {
	case 'U':
		if err := unix.Unlinkat(s.dir.fd, downFile, 0); err != nil && err != unix.ENOENT {
			s.complain("cannot remove its down file", err)
		}
	case 'D', 'Q':
		if err := s.dir.write(downFile, nil); err != nil {
			s.complain("cannot make its down file", err)
		}
	}
}

func (s *Service) pause(sig syscall.Signal, paused bool) {
	if s.state.Phase == Up {
		s.signal(sig)
		s.state.Paused = paused
		s.announce("")
	}
}

func (s *Service) downSignal() syscall.Signal {
	if s.state.Phase != Up {
		return unix.SIGTERM
	}
	sig, ok := s.dir.downSignal()
	if !ok {
		s.o.Say(s.o.Name + ": cannot use its down-signal: not a signal; SIGTERM is sent")
	}
	return sig
}

// killLater kills a run that does not end within timeout-kill.
func (s *Service) killLater() {
	if timeout := s.dir.milliseconds("timeout-kill", 0); timeout > 0 {
		s.after(timeout, func() { s.signal(unix.SIGKILL) })
	}
}

// rest makes sure that no start comes.
func (s *Service) rest() {
	s.alarm.Stop()
	s.left.start, s.state.Next = false, time.Time{}
	if s.left.pid == 0 {
		s.state.Reason = ""
	}
}
