package s6

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Delays of s6.
const (
	restartDelay  = time.Second      // to the next start, from readiness or else from the end
	retryDelay    = 10 * time.Second // after a start that failed
	finishTimeout = 5 * time.Second  // unless timeout-finish says more
	lockDelay     = 250 * time.Millisecond
)

// start starts run now. One that cannot be started is tried again.
func (s *Service) start() {
	s.alarm.Stop()
	s.state.Next = time.Time{}
	if s.left.pid != 0 {
		s.left.start = true
		return
	}
	files, done, err := s.files()
	if errors.Is(err, unix.EAGAIN) {
		s.again(lockDelay, "another process holds its lock-fd")
		return
	}
	if err != nil {
		s.again(retryDelay, fmt.Sprintf("cannot prepare its descriptors: %v", err))
		return
	}
	pid, err := s.o.Host.Start(s.command("run", files, s.o.Name))
	done()
	if err != nil {
		s.closeNotice()
		s.again(retryDelay, fmt.Sprintf("cannot start run: %v", explain(s.dir.path+"/run", err)))
		return
	}
	s.started(pid)
}

// started is the state after a start.
func (s *Service) started(pid int) {
	s.o.Loop.Watch(pid, s.died)
	if s.starts++; s.starts > 1 {
		s.state.Restarts++
	}
	s.state.PID, s.state.Phase, s.state.Changed = pid, Up, time.Now()
	s.state.Ready, s.state.Paused, s.state.Reason = false, false, ""
	s.announce(eventUp)
	s.remember(pid)
}

func (s *Service) command(program string, files []File, args ...string) Command {
	return Command{
		Path: "./" + program, Argv: append([]string{program}, args...),
		Dir: s.dir.here(), Files: files, Quiet: s.quiet,
	}
}

// again has run started after d, and says why not now.
func (s *Service) again(d time.Duration, why string) {
	if s.state.Reason != why {
		s.o.Say(fmt.Sprintf("%s: %s; trying again after %s", s.o.Name, why, d))
	}
	s.state.Reason = why
	s.startAfter(d)
	s.o.Changed(s)
}

func (s *Service) startAfter(d time.Duration) {
	s.state.Next = time.Now().Add(d)
	s.after(d, s.start)
}

// files opens what run gets besides its standard descriptors; done closes our
// copies. The error is EAGAIN while another process holds the lock.
func (s *Service) files() (files []File, done func(), err error) {
	done = func() {
		for _, f := range files {
			unix.Close(f.FD)
		}
	}
	if number := s.dir.descriptor("lock-fd"); number >= 0 {
		fd, err := s.dir.lock(serviceLock, 0o644)
		if err != nil {
			return nil, nil, err
		}
		files = append(files, File{number, fd})
	}
	if number := s.dir.descriptor("notification-fd"); number >= 0 {
		writer, err := s.openNotice()
		if err != nil {
			done()
			return nil, nil, err
		}
		files = append(files, File{number, writer})
	}
	return files, done, nil
}

// openNotice makes the pipe that run tells of its readiness through. Its
// writing end blocks, as programs expect.
func (s *Service) openNotice() (writer int, err error) {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		return -1, err
	}
	s.notice = fds[0]
	err = unix.SetNonblock(fds[0], true)
	if err == nil {
		err = s.o.Poller.Add(fds[0], s.readNotice)
	}
	if err != nil {
		s.closeNotice()
		unix.Close(fds[1])
	}
	return fds[1], err
}

// readNotice looks for the newline. What comes after it is nobody's.
func (s *Service) readNotice() {
	for s.notice >= 0 {
		text, open := drain(s.notice)
		for _, c := range text {
			if c == '\n' {
				s.closeNotice()
				s.ready()
				return
			}
		}
		if !open {
			s.closeNotice()
		}
		if len(text) == 0 {
			return
		}
	}
}

func (s *Service) ready() {
	s.state.ReadyAt, s.state.Ready = time.Now(), true
	s.announce(eventReady)
}

func (s *Service) closeNotice() {
	if s.notice >= 0 {
		s.o.Poller.Remove(s.notice)
		unix.Close(s.notice)
		s.notice = -1
	}
}

// explain says what is missing when it is not the file itself.
func explain(path string, err error) error {
	if _, missing := os.Stat(path); errors.Is(err, unix.ENOENT) && missing == nil {
		return fmt.Errorf("its interpreter is missing: %w", err)
	}
	return err
}
