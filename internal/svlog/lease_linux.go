package svlog

import (
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// hungAfter is how long a write may take, at most twice that, until the pool's
// other logs go on without it.
const hungAfter = 100 * time.Millisecond

// A lease tells whether the pool's goroutine is inside a write that may hang.
// When one does, a new goroutine takes over the pool; the old one, when its
// write returns, hands in the result and ends.
type lease struct {
	turn  atomic.Uint64 // odd inside a write
	armed atomic.Bool   // the watch is to tick again
	seen  uint64        // turn at the last tick
	log   *Log          // the one that is written
	timer *time.Timer
}

// write is one write(2) for l. It does not return when the pool has been taken
// over meanwhile: then l learns of the result from its new owner.
func (p *Pool) write(l *Log, fd int, chunk []byte) (int, error) {
	l.busy, p.lease.log = true, l
	turn := p.lease.turn.Add(1)
	if !p.alone && p.lease.armed.CompareAndSwap(false, true) {
		p.lease.timer.Reset(hungAfter)
	}
	n, err := p.sys.write(fd, chunk)
	if p.lease.turn.CompareAndSwap(turn, turn+1) {
		l.busy = false
		return max(n, 0), err
	}
	p.post(func() { l.answered(chunk, max(n, 0), err) })
	runtime.Goexit()
	return 0, nil
}

// watch looks whether the same write is still going on, and ticks again only
// after there was one.
func (p *Pool) watch() {
	w := &p.lease
	turn := w.turn.Load()
	same := turn == w.seen
	w.seen = turn
	switch {
	case turn%2 == 1 && same && w.turn.CompareAndSwap(turn, turn+1):
		w.armed.Store(false)
		p.in, p.out = nil, nil // the write still reads from them
		hung := w.log
		p.post(hung.settle)
		go p.run()
	case turn%2 == 0 && same:
		w.armed.Store(false)
		if w.turn.Load() == turn || !w.armed.CompareAndSwap(false, true) {
			return
		}
		w.timer.Reset(hungAfter)
	default:
		w.timer.Reset(hungAfter)
	}
}

// writeFile is write(2) without its interruptions.
func writeFile(fd int, p []byte) (int, error) {
	for {
		n, err := unix.Write(fd, p)
		if err != unix.EINTR {
			return n, err
		}
	}
}
