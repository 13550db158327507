package s6

import (
	"fmt"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/loop"
)

// catchAll is the service whose standard error is the console.
const catchAll = "s6-svscan-log"

// An entry is a service of a scan directory, its logger if it has one, and the
// pipe between them, which lasts as long as the entry.
type entry struct {
	scan   *Scan
	name   string
	active bool // the last scan has found its directory
	ending bool // its services are not opened again
	main   *unit
	logger *unit  // nil without a log directory
	pipe   [2]int // -1 where there is none: read by the logger, written by main
}

// A unit is one service directory of an entry.
type unit struct {
	entry   *entry
	name    string // from the scan directory
	system  System
	service *Service    // nil while it is left
	alarm   *loop.Alarm // opens it again
	opening bool
}

// newEntry makes the entry for a service directory.
func (s *Scan) newEntry(name string) (*entry, error) {
	e := &entry{scan: s, name: name, active: true, pipe: [2]int{-1, -1}}
	e.main = &unit{entry: e, name: name, system: s.o.System}
	if name == catchAll && s.o.Console > 0 {
		e.main.system.Stderr = s.o.Console
	}
	logged := s.dir.isDir(name + "/log")
	switch {
	case s.o.Log != nil && (!logged || s.o.OwnLogs):
		fd, err := s.o.Log(name)
		if err != nil {
			return nil, err
		}
		e.pipe[1], e.main.system.Stdout = fd, fd
		if !logged {
			e.main.system.Stderr = fd
		}
	case logged:
		if err := unix.Pipe2(e.pipe[:], unix.O_CLOEXEC); err != nil {
			return nil, err
		}
		e.logger = &unit{entry: e, name: name + "/log", system: s.o.System}
		e.logger.system.Stdin, e.main.system.Stdout = e.pipe[0], e.pipe[1]
	}
	return e, nil
}

// units are those of an entry, the logger first.
func (e *entry) units() []*unit {
	if e.logger == nil {
		return []*unit{e.main}
	}
	return []*unit{e.logger, e.main}
}

func (e *entry) open() {
	for _, u := range e.units() {
		u.open()
	}
}

// end ends the service. Its logger is left once its input has ended, or is
// ended as well.
func (e *entry) end(kill bool) {
	e.ending = true
	for _, u := range e.units() {
		u.alarm.Stop()
		u.opening = false
		if u.service == nil {
			continue
		}
		if u == e.logger && !kill {
			u.service.Leave()
		} else {
			u.service.Terminate()
		}
	}
	if !kill {
		// A service whose logger is gone does not wait for it.
		e.closeEnd(0)
	}
	e.settle()
}

// revive opens again, after a scan, what was left while its directory was gone,
// and forgets the entry if it still is.
func (e *entry) revive() {
	if !e.active || e.ending {
		e.settle()
		return
	}
	for _, u := range e.units() {
		if u.service == nil && !u.opening {
			u.open()
		}
	}
}

// settle forgets an entry of which nothing is left. A directory that has come
// back meanwhile is a new one.
func (e *entry) settle() {
	if e.active && !e.ending || e.scan.entries[e.name] != e {
		return
	}
	if e.ending && e.main.service == nil {
		// The logger sees the end of its input.
		e.closeEnd(1)
	}
	for _, u := range e.units() {
		if u.service != nil {
			return
		}
	}
	e.close()
	delete(e.scan.entries, e.name)
	if e.active {
		e.scan.add(e.name)
	}
}

// close lets everything go; what runs goes on to run.
func (e *entry) close() {
	for _, u := range e.units() {
		u.alarm.Stop()
		if u.service != nil {
			u.service.Close()
		}
	}
	e.closeEnd(0)
	e.closeEnd(1)
}

// closeEnd closes our copy of one end of the pipe: 0 the logger's, 1 main's.
func (e *entry) closeEnd(i int) {
	if e.pipe[i] >= 0 {
		unix.Close(e.pipe[i])
	}
	e.pipe[i] = -1
}

// open takes the unit's directory. One that cannot be taken is tried again.
func (u *unit) open() {
	o, name := u.entry.scan.o, u.name
	u.opening = false
	service, err := Open(filepath.Join(u.entry.scan.dir.path, name), Options{
		Name: name, Loop: o.Loop, Poller: o.Poller, Host: &u.system, Say: o.Say,
		Exited: func(*Service) { u.exited() },
	})
	if err != nil {
		o.Say(fmt.Sprintf("%s: %v; trying again after %s", name, err, reopenDelay))
		u.exited()
		return
	}
	u.service = service
}

// exited opens the unit again, later, if its directory is still there.
func (u *unit) exited() {
	u.service = nil
	if u.entry.active && !u.entry.ending {
		u.opening = true
		u.alarm = u.entry.scan.o.Loop.After(reopenDelay, u.open)
		return
	}
	u.entry.settle()
}
