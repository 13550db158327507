package svlog

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/spec"
)

// A policy is how a log is kept: a Rotation, and what only s6-log's directives
// can say.
type policy struct {
	spec.Rotation
	tolerance int64         // current is rotated once it is that close to MaxBytes
	umask     uint32        // of the files' modes
	limit     int           // bytes of a line; 0 is maxLine
	retry     time.Duration // between attempts; 0 is retryDelay
}

// A Log is a log directory in use. All its streams interleave by line.
type Log struct {
	pool  *Pool
	name  string
	alert func(error)
	how   policy
	dir   *dir
	done  chan struct{} // closed once the directory is given up
	err   error         // of Close; read after done

	mu     sync.Mutex // never held for long; guards what follows
	last   []byte
	closed bool

	// What follows is owned by the pool's goroutine.
	stamp   stamper
	streams []*Stream
	pending []byte // formatted lines that are not written yet
	midline bool   // what is written ends within a line
	lost    gap    // what DropOldest has dropped before pending
	marker  []byte // told of marked, and being written
	marked  gap
	trouble error // what held the log last

	busy        bool // a write of ours has not returned
	rotating    bool // current is being replaced
	syncing     bool // an earlier current is being made durable
	waiting     bool // for the next attempt
	troubled    bool // alert has been told
	unsynced    bool // alert has been told that a rotated file is not durable
	overflowing bool // lines are taken, and the oldest dropped
	graceful    bool // overflowing will come if nothing changes
	listening   bool
	closing     bool
	finishing   bool
}

// A gap is what has been dropped.
type gap struct{ lines, bytes int64 }

// PumpFD takes over fd, a pipe, a socket or a file, and reads it into the log
// until it ends. stream stands in JSON lines: stdout or stderr. each, which may
// be nil, hears every line without its newline, in the pool's goroutine: it
// must not block, and must not keep the line.
func (l *Log) PumpFD(fd int, stream string, each func(line []byte)) (*Stream, error) {
	s := &Stream{pool: l.pool, to: l, fd: fd, name: stream, each: each, done: make(chan struct{})}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		unix.Close(fd)
		return nil, ErrClosed
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return nil, err
	}
	l.pool.post(func() {
		l.streams = append(l.streams, s)
		l.pool.listen(s, l.listening)
	})
	return s, nil
}

// Last is the last line with anything in it, at most 200 bytes of it.
func (l *Log) Last() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return printable(l.last)
}

// Close takes what the streams hold at this moment, ends them, and leaves
// current as a cleanly finished file. It does not wait for their writers. Lines
// that the disk refuses are lost, and the error says so.
func (l *Log) Close() error {
	l.mu.Lock()
	first := !l.closed
	l.closed = true
	l.mu.Unlock()
	if first {
		l.pool.post(l.beginClose)
	}
	err := l.wait()
	l.pool.mu.Lock()
	delete(l.pool.logs, l)
	l.pool.mu.Unlock()
	return err
}

func (l *Log) wait() error {
	late := time.NewTimer(closeTime)
	defer late.Stop()
	select {
	case <-l.done:
		return l.err
	case <-late.C:
		return fmt.Errorf("cannot finish %s: the disk does not answer", l.dir.path)
	}
}

// held tells whether nothing can be written now.
func (l *Log) held() bool { return l.busy || l.rotating || l.waiting }

func (l *Log) stuck() bool { return l.held() && !l.overflowing }

func (l *Log) idle() bool { return !l.held() && len(l.pending) == 0 }

func (l *Log) forget(s *Stream) { l.streams = without(l.streams, s) }

// take formats and writes some lines of s.
func (l *Log) take(s *Stream) bool {
	if s.form == nil {
		s.form = l.formatter(s.name, s.each)
	}
	_, out := l.pool.buffers()
	text := s.rest
	out, s.rest = s.form.format(out, text, s.at)
	if len(out) == 0 {
		return false
	}
	l.pool.out = out
	l.remember(text[:len(text)-len(s.rest)])
	l.add(out)
	return true
}

// settle listens to the streams as long as their lines have a place to go.
func (l *Log) settle() {
	if !l.held() && len(l.pending) == 0 {
		l.overflowing, l.troubled = false, false
	}
	if l.held() && l.how.Overflow == spec.DropOldest && !l.overflowing && !l.graceful {
		l.graceful = true
		l.pool.after(retryDelay, l.overflow)
	}
	if on := !l.held() || l.overflowing; on != l.listening {
		l.listening = on
		for _, s := range l.streams {
			l.pool.listen(s, !s.to.stuck() && !s.ended)
		}
	}
}

// overflow begins to drop lines, unless they can be written by now.
func (l *Log) overflow() {
	l.graceful = false
	if l.held() {
		l.overflowing = true
		l.feedAll()
	}
	l.settle()
}

// resume goes on after whatever held the log.
func (l *Log) resume() {
	l.flush()
	l.feedAll()
	l.settle()
	l.shut()
}

func (l *Log) feedAll() {
	for _, s := range slices.Clone(l.streams) {
		if l.stuck() {
			return
		}
		s.feed()
		s.own()
		s.attend()
	}
}

// fail waits before the next attempt.
func (l *Log) fail(err error) {
	if !l.troubled && l.alert != nil {
		go l.alert(err)
	}
	l.troubled, l.waiting, l.trouble = true, true, err
	l.pool.after(cmp.Or(l.how.retry, retryDelay), l.retry)
}

func (l *Log) retry() {
	if l.waiting {
		l.waiting = false
		l.resume()
	}
}
