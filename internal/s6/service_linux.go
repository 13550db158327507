package s6

import (
	"cmp"
	"errors"
	"fmt"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/loop"
)

// ErrSupervised is returned by Open when somebody supervises the directory.
var ErrSupervised = errors.New("another supervisor has it")

// Options say how a Service is driven. Loop, Poller and Host are needed.
type Options struct {
	Name   string // the last argument of run and of finish
	Loop   *loop.Loop
	Poller *Poller
	Host   Host
	// Held makes it begin down, whatever its down file says.
	Held bool
	// Grace is what a predecessor's process has to end; 0 is 5 s.
	Grace time.Duration
	// Say hears, in a line, what a person should know. It must not block.
	Say func(line string)
	// Changed is called after each change of State, in the loop.
	Changed func(*Service)
	// Exited is called, in the loop, when the service is left for good: as
	// asked by x, once it is down. It is closed then.
	Exited func(*Service)
}

func (o *Options) setDefaults() {
	o.Grace = cmp.Or(o.Grace, 5*time.Second)
	if o.Say == nil {
		o.Say = func(string) {}
	}
	if o.Changed == nil {
		o.Changed = func(*Service) {}
	}
	if o.Exited == nil {
		o.Exited = func(*Service) {}
	}
}

// A Phase is what a Service is doing.
type Phase int

// The phases.
const (
	Down      Phase = iota
	Up              // run runs
	Finishing       // finish runs
	Left            // nothing is done any more
)

// A State is where a service stands. The zero Next is no start to come.
type State struct {
	Status
	Phase    Phase
	Leaving  bool      // it is left once it is down
	Restarts int       // starts of run but the first
	Failed   bool      // finish has said that starting it is of no use
	Reason   string    // why it is down though wanted; may be empty
	Next     time.Time // of the next start
}

// A Service is one service directory and what runs of it. All methods are the
// loop's owner's alone.
type Service struct {
	o       Options
	dir     dir
	held    int // the descriptor of supervise/lock
	control fifo
	notice  int // where the newline of notification-fd comes; -1 is none
	alarm   *loop.Alarm
	starts  int
	left    leftover
	state   State

	wasReady bool // the last run, when it ended
	quiet    bool // what is started from now on has /dev/null
}

// Open takes the service directory and starts its service unless that is to be
// down. What a predecessor has left running is ended first.
func Open(path string, o Options) (*Service, error) {
	o.setDefaults()
	d, err := openDir(path)
	if err != nil {
		return nil, fmt.Errorf("cannot open %s: %w", path, err)
	}
	s := &Service{o: o, dir: d, held: -1, control: noFIFO(), notice: -1}
	if err := s.take(); err != nil {
		s.release()
		return nil, err
	}
	s.begin()
	return s, nil
}

// take makes what s6 has in a service directory, and locks it.
func (s *Service) take() (err error) {
	if err := s.dir.mkevent(); err != nil {
		return s.cannot("make event", err)
	}
	if _, err := s.dir.mkdir("supervise"); err != nil {
		return s.cannot("make supervise", err)
	}
	if s.held, err = s.dir.lock(lockFile, 0o644); err != nil {
		if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
			err = ErrSupervised
		}
		return s.cannot("lock "+lockFile, err)
	}
	if s.control, err = s.dir.openFIFO(controlFile); err != nil {
		return s.cannot("open "+controlFile, err)
	}
	if err := s.o.Poller.Add(s.control.reader, s.readControl); err != nil {
		return s.cannot("watch "+controlFile, err)
	}
	return nil
}

func (s *Service) cannot(what string, err error) error {
	return fmt.Errorf("cannot %s of %s: %w", what, s.o.Name, err)
}

// begin is the life of a service from its start.
func (s *Service) begin() {
	now := time.Now()
	s.state.Status = Status{Changed: now, ReadyAt: now, Ready: true, Wanted: !s.o.Held && !s.dir.exists(downFile)}
	if err := s.dir.write(tallyFile, nil); err != nil {
		s.complain("cannot empty its death tally", err)
	}
	s.endLeftover()
	s.announce(eventStart)
	if s.state.Wanted {
		s.start()
	}
}

// release lets everything go that is open.
func (s *Service) release() {
	s.alarm.Stop()
	s.left.alarm.Stop()
	s.closeNotice()
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

// State is where the service stands.
func (s *Service) State() State { return s.state }

// Name is what Options said.
func (s *Service) Name() string { return s.o.Name }

// Close leaves the service at once and as it is: what runs goes on to run, and
// a successor ends it. No death is heard of any more.
func (s *Service) Close() {
	if s.state.Phase != Left {
		s.state.Phase = Left
		s.release()
	}
}

// leave is the end of a service that is down.
func (s *Service) leave() {
	if err := s.dir.notify(eventExit); err != nil {
		s.complain("cannot tell of its end", err)
	}
	s.Close()
	s.o.Changed(s)
	s.o.Exited(s)
}

// announce writes the status, tells listeners and then Changed.
func (s *Service) announce(letters string) {
	if err := s.dir.replace(statusFile, s.state.Encode()); err != nil {
		s.complain("cannot write its status", err)
	}
	if letters != "" {
		if err := s.dir.notify(letters); err != nil {
			s.complain("cannot tell "+letters+" to listeners", err)
		}
	}
	s.o.Changed(s)
}

// complain says what did not work; the service goes on.
func (s *Service) complain(what string, err error) {
	s.o.Say(fmt.Sprintf("%s: %s: %v", s.o.Name, what, err))
}

// signal reaches run's process.
func (s *Service) signal(sig syscall.Signal) {
	if s.state.Phase != Up {
		return
	}
	if err := s.o.Host.Signal(s.state.PID, sig); err != nil {
		s.complain("cannot send "+unix.SignalName(sig), err)
	}
}

// after sets the one alarm of a service.
func (s *Service) after(d time.Duration, event func()) {
	s.alarm.Stop()
	s.alarm = s.o.Loop.After(d, event)
}
