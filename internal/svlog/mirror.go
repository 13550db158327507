package svlog

import (
	"fmt"
	"io"
	"sync"
	"time"
)

const (
	mirrorBytes = 256 << 10   // waits at most for a mirror
	mirrorTime  = time.Second // Close waits at most for a mirror
)

// A mirror shows lines, each with its service's name, as fast as its writer
// takes them. What is too much is dropped and counted.
type mirror struct {
	w    io.Writer
	more chan struct{}
	done chan struct{}

	mu      sync.Mutex // never held across a write
	queue   []byte
	dropped int
	closed  bool
}

func newMirror(w io.Writer) *mirror {
	m := &mirror{w: w, more: make(chan struct{}, 1), done: make(chan struct{})}
	go m.run()
	return m
}

// show queues one line, and never blocks.
func (m *mirror) show(name string, line []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mark()
	if m.dropped > 0 || len(m.queue)+len(name)+len(line)+4 > mirrorBytes {
		m.dropped++
		return
	}
	m.queue = append(append(append(append(m.queue, name...), " | "...), line...), '\n')
	m.poke()
}

// mark says at the place of the gap how many lines are not shown, once half of
// the queue is free again.
func (m *mirror) mark() {
	if m.dropped > 0 && len(m.queue) < mirrorBytes/2 {
		m.queue = fmt.Appendf(m.queue, "sandwright | %d lines are not shown here; the logs have them\n", m.dropped)
		m.dropped = 0
	}
}

func (m *mirror) poke() {
	select {
	case m.more <- struct{}{}:
	default:
	}
}

// next takes what is queued; nothing when the mirror is closed.
func (m *mirror) next() []byte {
	for {
		m.mu.Lock()
		m.mark()
		batch, closed := m.queue, m.closed
		m.queue = nil
		m.mu.Unlock()
		if len(batch) > 0 || closed {
			return batch
		}
		<-m.more
	}
}

// run writes until there is no more; a writer that fails is asked again with
// what comes next.
func (m *mirror) run() {
	defer close(m.done)
	for batch := m.next(); len(batch) > 0; batch = m.next() {
		_, _ = m.w.Write(batch)
	}
}

// close waits for what is queued, but not for a writer that is stuck.
func (m *mirror) close() {
	if m == nil {
		return
	}
	m.mu.Lock()
	m.closed = true
	m.mu.Unlock()
	m.poke()
	late := time.NewTimer(mirrorTime)
	defer late.Stop()
	select {
	case <-m.done:
	case <-late.C:
	}
}
