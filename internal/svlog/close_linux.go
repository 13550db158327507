package svlog

import (
	"bytes"
	"fmt"
	"slices"
)

// beginClose takes what the streams hold now, and has no patience any more with
// a disk that refuses.
func (l *Log) beginClose() {
	l.closing, l.waiting = true, false
	for _, s := range l.streams {
		s.askers = append(s.askers, asker{s.count + s.waiting(), make(chan struct{})})
	}
	l.resume()
}

// shut goes on with Close as far as it gets now.
func (l *Log) shut() {
	if !l.closing || l.finishing || l.busy || l.rotating || l.syncing {
		return
	}
	for _, s := range slices.Clone(l.streams) {
		s.attend()
		if l.busy || l.rotating {
			l.settle()
			return
		}
		s.end()
		if l.busy || l.rotating {
			l.settle()
			return
		}
	}
	if l.flush(); l.busy || l.rotating || l.syncing {
		return
	}
	l.finishing = true
	err := l.giveUp()
	go func() {
		if closeErr := l.dir.close(err == nil, l.pool.sys.sync); err == nil {
			err = closeErr
		}
		l.err = err
		close(l.done)
	}()
}

// giveUp counts what could not be written, and releases who waits for it.
func (l *Log) giveUp() error {
	lines := l.lost.lines + int64(bytes.Count(l.pending, []byte{'\n'}))
	for _, s := range slices.Clone(l.streams) {
		lines += int64(bytes.Count(s.rest, []byte{'\n'}))
		s.leave()
	}
	l.pending, l.waiting = nil, false
	if lines == 0 {
		return nil
	}
	return fmt.Errorf("%d lines of %s are lost: %w", lines, l.dir.path, l.trouble)
}
