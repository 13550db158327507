package svlog

import (
	"bytes"
	"errors"
	"os"
	"sync"
	"time"

	"github.com/sandwright/sandwright/internal/spec"
)

// ErrClosed is returned by Pump after Close.
var ErrClosed = errors.New("the log is closed")

const (
	flushBytes = 64 << 10               // lines are written at the latest when they are this many
	retryDelay = 500 * time.Millisecond // between attempts to write to a disk that refuses
)

// A Log is a log directory in use. All its streams interleave by line.
type Log struct {
	alert   func(error)
	closing chan struct{}
	pumps   sync.WaitGroup

	writing  sync.Mutex // held while the disk refuses; guards dir, out and troubled
	dir      *dir
	stamp    func([]byte, time.Time) []byte
	out      []byte
	troubled bool

	mu      sync.Mutex // never held for long; guards what follows
	last    []byte
	streams map[*Stream]bool
	closed  bool
}

// Open makes path a log directory in use, creating it where needed. It fails
// when another process is logging there. alert, called from any goroutine,
// hears of a disk that refuses: once, until writing works again.
func Open(path string, r spec.Rotation, alert func(error)) (*Log, error) {
	d, err := openDir(path, r)
	if err != nil {
		return nil, err
	}
	return &Log{
		alert: alert, closing: make(chan struct{}), dir: d,
		stamp: stampFor(r.Stamp), streams: map[*Stream]bool{},
	}, nil
}

// Last is the last line with anything in it, at most 200 bytes of it.
func (l *Log) Last() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return printable(l.last)
}

// Close takes what the streams hold at this moment, ends them, and leaves
// current as a cleanly finished file. It does not wait for their writers.
func (l *Log) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	close(l.closing)
	for s := range l.streams {
		s.wake()
	}
	l.mu.Unlock()
	l.pumps.Wait()
	return l.dir.close()
}

// add stamps and writes text, which is whole lines. It returns when they are
// written, however long the disk refuses, or when the log is being closed.
func (l *Log) add(now time.Time, text []byte) {
	l.remember(text)
	l.writing.Lock()
	defer l.writing.Unlock()
	stamp := l.stamp(nil, now)
	l.out = l.out[:0]
	for len(text) > 0 {
		end := bytes.IndexByte(text, '\n') + 1
		line := text[:end]
		text = text[end:]
		if l.dir.full(len(l.out), len(stamp)+len(line)) {
			l.flush()
			l.rotate()
		}
		l.out = append(append(l.out, stamp...), line...)
		if len(l.out) >= flushBytes {
			l.flush()
		}
	}
	l.flush()
}

// remember keeps the last line of text that says something.
func (l *Log) remember(text []byte) {
	text = bytes.TrimSpace(text)
	if len(text) == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	line := bytes.TrimSpace(text[bytes.LastIndexByte(text, '\n')+1:])
	l.last = append(l.last[:0], line[:min(len(line), lastBytes)]...)
}

// flush writes out. Lines are lost only when the log is being closed while
// the disk refuses.
func (l *Log) flush() {
	for rest := l.out; len(rest) > 0; {
		n, err := l.dir.write(rest)
		rest = rest[n:]
		if err == nil {
			l.troubled = false
		} else if !l.pause(err) {
			break
		}
	}
	l.out = l.out[:0]
}

func (l *Log) rotate() {
	for {
		err := l.dir.rotate(time.Now())
		if err == nil || !l.pause(err) {
			return
		}
	}
}

// pause waits before the next attempt, and tells whether there should be one.
func (l *Log) pause(err error) bool {
	if !l.troubled {
		l.troubled = true
		l.alert(err)
	}
	select {
	case <-l.closing:
		return false
	case <-time.After(retryDelay):
		return true
	}
}

// Pump reads from r into the log until r ends, and closes r. r must be a pipe
// or anything else that knows deadlines.
func (l *Log) Pump(r *os.File) (*Stream, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, ErrClosed
	}
	s := &Stream{
		log: l, r: r, buf: make([]byte, maxLine+1),
		asked: make(chan chan struct{}, 1), done: make(chan struct{}),
	}
	l.streams[s] = true
	l.pumps.Go(s.pump)
	return s, nil
}

// forget drops a stream that has ended.
func (l *Log) forget(s *Stream) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.streams, s)
}
