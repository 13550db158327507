package svlog

import (
	"golang.org/x/sys/unix"
)

// A swap is current on its way to a rotated file. On the disk only true states
// follow one another: current; @STAMP.u, which promises nothing, and a new
// current; @STAMP.u that is durable and has a finished file's mode; @STAMP.s.
type swap struct {
	stamp string // empty when nothing was there to be renamed
	old   int
	size  int64
	next  int // the new current; -1 when there is none
	err   error
}

// rotate has current replaced by a goroutine that may wait for the disk. The
// log is held until there is a new one, and if it is too fast, until the one
// before is durable.
func (l *Log) rotate() {
	l.rotating = true
	if !l.syncing {
		go l.swap(swap{old: l.dir.current, size: l.dir.size, next: -1})
	}
}

func (l *Log) swap(s swap) {
	if s.old >= 0 {
		s.stamp, s.err = l.dir.rename("current", ".u", l.pool.sys.now())
	}
	if s.err != nil {
		l.pool.post(func() { l.unswapped(s.err) })
		return
	}
	s.next, s.err = l.dir.create()
	l.pool.post(func() { l.swapped(s) })
	if s.old < 0 {
		return
	}
	err := l.store(s)
	l.pool.post(func() { l.synced(err) })
}

// store makes the old file durable and trims the directory.
func (l *Log) store(s swap) error {
	l.pool.syncs <- struct{}{}
	defer func() { <-l.pool.syncs }()
	defer unix.Close(s.old)
	if s.stamp == "" {
		return nil
	}
	name := s.stamp + ".u"
	err := l.dir.finish(s.old, l.pool.sys.sync)
	if err == nil {
		if err = moveTo(l.dir.file(name), l.dir.file(s.stamp+".s")); err == nil {
			name = s.stamp + ".s"
		}
	}
	l.dir.shelf.put(rotated{name, s.size})
	_ = l.dir.shelf.trim() // tried again at the next rotation
	return err
}

// unswapped is a current that could not be renamed.
func (l *Log) unswapped(err error) {
	l.rotating = false
	l.fail(err)
	l.settle()
	l.shut()
}

// swapped is a current that has been renamed.
func (l *Log) swapped(s swap) {
	l.rotating = false
	l.syncing = s.old >= 0
	l.dir.current, l.dir.size = s.next, 0
	if s.err != nil {
		l.fail(s.err)
		l.settle()
		l.shut()
		return
	}
	l.resume()
}

// synced is a rotated file that is durable, or will never be.
func (l *Log) synced(err error) {
	l.syncing = false
	if err != nil && !l.unsynced && l.alert != nil {
		go l.alert(err)
	}
	l.unsynced = err != nil
	if l.rotating {
		l.rotate()
		return
	}
	l.shut()
}
