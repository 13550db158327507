package svlog

import (
	"bytes"
	"errors"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/redact"
)

// A sink takes the lines of a stream: a Log, or a script's several. Only the
// pool's goroutine calls it.
type sink interface {
	// stuck tells whether it can take no more now; it feeds its streams again
	// when it can.
	stuck() bool
	// idle tells whether all it took is written.
	idle() bool
	// take takes some of the lines in s.rest, and tells whether there were any.
	take(s *Stream) bool
	// settle is called after anything that s has done.
	settle()
	// forget drops a stream that has ended.
	forget(s *Stream)
}

// A Stream is one pipe on its way into a Log.
type Stream struct {
	pool *Pool
	to   sink
	fd   int
	name string
	each func([]byte)
	done chan struct{}

	// What follows is owned by the pool's goroutine.
	form   *formatter // made with the first line
	raw    []byte     // read, and maybe the beginning of a secret
	hidden redact.Stream
	rest   []byte    // without secrets, and not logged: as a rule, a line without its newline
	at     time.Time // when rest was read
	count  int64     // bytes read so far
	askers []asker
	polled bool
	always bool // it cannot be polled
	ended  bool
	wide   bool // the pipe has been made larger
	final  bool // it ends with the line that has begun
}

// An asker waits until so many bytes are read and written.
type asker struct {
	count  int64
	answer chan struct{}
}

// Flush returns when everything that was in the pipe is written, at the latest
// after the given time. It does not wait for the pipe to end.
func (s *Stream) Flush(within time.Duration) {
	late := time.NewTimer(within)
	defer late.Stop()
	answer := make(chan struct{})
	s.pool.post(func() { s.ask(answer) })
	select {
	case <-answer:
	case <-s.done:
	case <-late.C:
	}
}

// ask has answer closed once what is in the pipe now is written.
func (s *Stream) ask(answer chan struct{}) {
	s.askers = append(s.askers, asker{s.count + s.waiting(), answer})
	s.attend()
	s.to.settle()
}

// waiting is how many bytes are in the pipe.
func (s *Stream) waiting() int64 {
	if s.ended {
		return 0
	}
	n, err := unix.IoctlGetInt(s.fd, unix.TIOCINQ)
	if err != nil {
		return 0
	}
	return int64(n)
}

// ready takes what has come, and lets go of the buffer.
func (s *Stream) ready() {
	if s.polled {
		s.read()
		s.to.settle()
	}
}

// attend reads for those who have asked, as long as nothing holds the log, and
// answers them.
func (s *Stream) attend() {
	for len(s.askers) > 0 && s.to.idle() {
		read := s.count >= s.askers[0].count || s.ended
		switch {
		case read && s.release():
			s.feed()
			s.own()
		case read:
			close(s.askers[0].answer)
			s.askers = slices.Delete(s.askers, 0, 1)
		case !s.read():
			s.askers[0].count = s.count
		}
	}
	if s.ended && len(s.askers) == 0 {
		s.askers = nil
	}
}

// read takes from the pipe once. It tells whether there was anything, an end
// included.
func (s *Stream) read() bool {
	if s.ended {
		return false
	}
	in, _ := s.pool.buffers()
	done := copy(in, s.rest)
	held := done + copy(in[done:], s.raw)
	most := held + readBytes
	if s.final {
		most = held + 1 // what follows the line is left to whoever comes next
	}
	n, err := readFile(s.fd, in[held:most])
	if n < 0 && errors.Is(err, unix.EAGAIN) {
		return false
	}
	if n > 0 {
		s.count += int64(n)
		s.at = s.pool.sys.now()
		s.hide(in[:held+n], done)
		s.widen(n)
		s.feed()
		s.own()
		return true
	}
	s.end()
	return true
}

// widen makes the pipe of a service that floods larger. The kernel uses memory
// for it only while it is full; where it is refused, nothing changes.
func (s *Stream) widen(n int) {
	if n >= maxLine && !s.wide {
		s.wide = true
		_, _ = unix.FcntlInt(uintptr(s.fd), unix.F_SETPIPE_SZ, floodPipe)
	}
}

// feed logs the lines in rest as far as the log takes them.
func (s *Stream) feed() {
	for !s.to.stuck() && s.to.take(s) {
	}
	if len(s.rest)+len(s.raw) > 0 {
		return
	}
	if s.final {
		s.end()
	}
	if s.ended && s.to.idle() {
		s.leave()
	}
}

// finish ends the stream with the line that has begun, if one has.
func (s *Stream) finish() {
	s.final = true
	s.feed()
	s.own()
	s.to.settle()
}

// own takes rest out of the shared buffer.
func (s *Stream) own() {
	if len(s.rest) == 0 {
		s.rest = nil
	} else {
		s.rest = bytes.Clone(s.rest)
	}
}

// end closes the pipe and logs what waits for its newline.
func (s *Stream) end() {
	if s.ended {
		return
	}
	s.pool.listen(s, false)
	s.ended = true
	unix.Close(s.fd)
	safe, _ := s.hidden.Take(s.raw, true)
	s.rest, s.raw = append(slices.Clip(s.rest), safe...), nil
	if len(s.rest) > 0 {
		s.rest = append(slices.Clip(s.rest), '\n')
	}
	s.feed()
	s.own()
}

// leave is the end of a stream whose lines are all written.
func (s *Stream) leave() {
	select {
	case <-s.done:
	default:
		close(s.done)
		s.to.forget(s)
	}
}

// without is list less one element, and nil when it was the last.
func without(list []*Stream, s *Stream) []*Stream {
	list = slices.DeleteFunc(slices.Clone(list), func(x *Stream) bool { return x == s })
	if len(list) == 0 {
		return nil
	}
	return list
}

// readFile is read(2) without its interruptions.
func readFile(fd int, p []byte) (int, error) {
	for {
		n, err := unix.Read(fd, p)
		if err != unix.EINTR {
			return n, err
		}
	}
}
