package svlog

import (
	"bytes"
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

const (
	maxLine   = 64 << 10 // a longer line is split into pieces of this size
	maxDrains = 64       // reads that one drain makes at most: a writer may never stop
)

// A Stream is one pipe on its way into a Log.
type Stream struct {
	log   *Log
	r     *os.File
	buf   []byte // a line of maxLine and its newline
	held  int    // bytes at the start of buf that wait for their newline
	asked chan chan struct{}
	done  chan struct{}
}

// Flush returns when everything that was in the pipe is written, at the latest
// after the given time. It does not wait for the pipe to end.
func (s *Stream) Flush(within time.Duration) {
	late := time.NewTimer(within)
	defer late.Stop()
	answer := make(chan struct{})
	select {
	case s.asked <- answer:
	case <-s.done:
		return
	case <-late.C:
		return
	}
	s.wake()
	select {
	case <-answer:
	case <-s.done:
	case <-late.C:
	}
}

// wake makes the pump look at what it has been asked. A stream that has ended
// needs no waking.
func (s *Stream) wake() { _ = s.r.SetReadDeadline(time.Unix(1, 0)) }

func (s *Stream) pump() {
	defer s.log.forget(s)
	defer close(s.done)
	defer s.r.Close()
	for {
		n, err := s.r.Read(s.buf[s.held:])
		s.take(n)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			err = s.attend()
		}
		if err != nil {
			s.end()
			return
		}
	}
}

// attend drains the pipe and answers who asked for that. It fails when the
// stream has to end. The deadline is taken back first, so that whoever asks
// from now on wakes the pump again.
func (s *Stream) attend() error {
	if err := s.r.SetReadDeadline(time.Time{}); err != nil {
		return err
	}
	err := s.drain()
	for {
		select {
		case answer := <-s.asked:
			close(answer)
		case <-s.log.closing:
			return ErrClosed
		default:
			return err
		}
	}
}

// drain takes what is in the pipe now, without waiting for more.
func (s *Stream) drain() error {
	conn, err := s.r.SyscallConn()
	if err != nil {
		return err
	}
	for range maxDrains {
		var n int
		var readErr error
		if err := conn.Control(func(fd uintptr) { n, readErr = unix.Read(int(fd), s.buf[s.held:]) }); err != nil {
			return err
		}
		if readErr != nil || n == 0 {
			return nil
		}
		s.take(n)
	}
	return nil
}

// take logs the lines that n more bytes complete, and keeps the rest. Of a
// rest that is too long to be a line, it logs a piece as one.
func (s *Stream) take(n int) {
	if n <= 0 {
		return
	}
	fresh := s.buf[s.held : s.held+n]
	end := bytes.LastIndexByte(fresh, '\n') + 1
	if end > 0 {
		end += s.held
		s.log.add(time.Now(), s.buf[:end])
	}
	s.held = copy(s.buf, s.buf[end:s.held+n])
	if s.held > maxLine {
		next := s.buf[maxLine]
		s.held = maxLine
		s.end()
		s.buf[0], s.held = next, 1
	}
}

// end logs what waits for its newline.
func (s *Stream) end() {
	if s.held > 0 {
		s.buf[s.held] = '\n'
		s.log.add(time.Now(), s.buf[:s.held+1])
		s.held = 0
	}
}
