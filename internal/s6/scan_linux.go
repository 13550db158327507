package s6

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/loop"
)

// ErrScanned is returned by OpenScan when somebody scans the directory.
var ErrScanned = errors.New("another s6-svscan has it")

// reopenDelay is how long a service directory that was left stays so.
const reopenDelay = time.Second

// The control directory of a scan directory.
const (
	scanDir     = ".s6-svscan"
	scanLock    = scanDir + "/lock"
	scanControl = scanDir + "/control"
)

// ScanOptions say how a Scan is driven. Loop and Poller are needed.
type ScanOptions struct {
	Loop   *loop.Loop
	Poller *Poller
	System System        // for services without a log directory
	Max    int           // service directories, loggers not counted; 0 is 500
	Rescan time.Duration // 0: only when asked
	// Console is the standard error of s6-svscan-log; 0 is as for the others.
	Console int
	// Log gives the writing end of our own log of a service that has no log
	// directory; nil leaves its output where ours goes. The Scan closes it.
	Log func(name string) (fd int, err error)
	// OwnLogs also takes the place of log directories.
	OwnLogs bool
	Say     func(line string)
}

// An Ending is how a Scan ends.
type Ending int

// The endings.
const (
	Running   Ending = iota
	Terminate        // services are ended, loggers see the end of their input
	Quit             // services and loggers are ended
	Abort            // everything is left as it runs
)

// A Scan is a scan directory and its services, each with its logger. All
// methods are the loop's owner's alone.
type Scan struct {
	o       ScanOptions
	dir     dir
	held    int
	control fifo
	entries map[string]*entry
	rescan  *loop.Alarm
	ending  Ending
}

// OpenScan takes the scan directory that path is. Nothing is started before
// the first Rescan.
func OpenScan(path string, o ScanOptions) (*Scan, error) {
	if o.Max == 0 {
		o.Max = 500
	}
	d, err := openDir(path)
	if err != nil {
		return nil, fmt.Errorf("cannot open %s: %w", path, err)
	}
	s := &Scan{o: o, dir: d, held: -1, control: noFIFO(), entries: map[string]*entry{}}
	if err := s.take(); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// take makes what s6 has in a scan directory, and locks it.
func (s *Scan) take() (err error) {
	if _, err := s.dir.mkdir(scanDir); err != nil {
		return fmt.Errorf("cannot make %s: %w", scanDir, err)
	}
	if s.held, err = s.dir.lock(scanLock, 0o600); err != nil {
		if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
			err = ErrScanned
		}
		return fmt.Errorf("cannot lock %s: %w", scanLock, err)
	}
	if s.control, err = s.dir.openFIFO(scanControl); err != nil {
		return fmt.Errorf("cannot open %s: %w", scanControl, err)
	}
	if err := s.o.Poller.Add(s.control.reader, s.readControl); err != nil {
		return fmt.Errorf("cannot watch %s: %w", scanControl, err)
	}
	return nil
}

// Close lets everything go; what runs goes on to run.
func (s *Scan) Close() {
	s.rescan.Stop()
	for _, e := range s.entries {
		e.close()
	}
	clear(s.entries)
	if s.control.reader >= 0 {
		s.o.Poller.Remove(s.control.reader)
	}
	s.control.close()
	for _, fd := range []*int{&s.held, &s.dir.fd} {
		if *fd >= 0 {
			unix.Close(*fd)
		}
		*fd = -1
	}
}

// Rescan looks for service directories: new ones are started, and those that
// are gone are no longer restarted when they are left.
func (s *Scan) Rescan() {
	if s.ending != Running {
		return
	}
	if s.o.Rescan > 0 {
		s.rescan.Stop()
		s.rescan = s.o.Loop.After(s.o.Rescan, s.Rescan)
	}
	names, err := s.names()
	if err != nil {
		s.o.Say(fmt.Sprintf("cannot read the scan directory: %v", err))
		return
	}
	for name, e := range s.entries {
		e.active = slices.Contains(names, name)
		e.revive()
	}
	for _, name := range names {
		if s.entries[name] == nil {
			s.add(name)
		}
	}
}

func (s *Scan) add(name string) {
	if len(s.entries) >= s.o.Max {
		s.o.Say(fmt.Sprintf("cannot start %s: too many services, at most %d", name, s.o.Max))
		return
	}
	e, err := s.newEntry(name)
	if err != nil {
		s.o.Say(fmt.Sprintf("cannot start %s: %v", name, err))
		return
	}
	s.entries[name] = e
	e.open()
}

// names lists the directories, and links to some, whose names start with no
// dot.
func (s *Scan) names() (names []string, err error) {
	all, err := os.ReadDir(s.dir.here())
	if err != nil {
		return nil, err
	}
	for _, e := range all {
		if !strings.HasPrefix(e.Name(), ".") && s.dir.isDir(e.Name()) {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// Prune ends the services whose directories the last Rescan has not found.
// With kill their loggers do not wait for the end of their input.
func (s *Scan) Prune(kill bool) {
	for _, e := range s.entries {
		if !e.active {
			e.end(kill)
		}
	}
}

// End ends everything; Ended tells when that is done.
func (s *Scan) End(how Ending) {
	if s.ending != Running {
		return
	}
	s.ending = how
	s.rescan.Stop()
	if how == Abort {
		return
	}
	for _, e := range s.entries {
		e.active = false
		e.end(how == Quit)
	}
}

// Ended tells whether an ending is complete.
func (s *Scan) Ended() bool {
	return s.ending == Abort || s.ending != Running && len(s.entries) == 0
}

// readControl obeys what has been written to the control FIFO.
func (s *Scan) readControl() {
	for s.ending == Running {
		commands, open := drain(s.control.reader)
		if !open || len(commands) == 0 {
			return
		}
		for _, c := range commands {
			s.Control(c)
		}
	}
}

// Control obeys one command as s6-svscanctl writes them. z needs nothing:
// whoever owns the loop reaps at every death.
func (s *Scan) Control(command byte) {
	switch command {
	case 'a':
		s.Rescan()
	case 'h':
		s.Rescan()
		s.Prune(false)
	case 'n':
		s.Prune(false)
	case 'N':
		s.Prune(true)
	case 't', 'i':
		s.End(Terminate)
	case 'q':
		s.End(Quit)
	case 'b':
		s.End(Abort)
	}
}
