// Package supervise keeps services running: it starts them in order, knows
// when they are ready, starts them again when they die, stops them in the
// reverse order, and collects every process that is left to it.
//
// One goroutine, in Run, owns all state; everything else reaches it as an
// event. There is one method per event, and delays are pure functions.
package supervise

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/sandwright/sandwright/internal/spec"
)

// A phase is how far the supervisor has come.
type phase int

const (
	running  phase = iota
	stopping       // services end, dependants first
	sweeping       // so do the processes that are nobody's service
	over
)

// A Supervisor runs the services of one spec, once.
type Supervisor struct {
	name string
	env  environment
	host Host
	say  func(string)

	events chan func()
	done   chan struct{} // closed when Run returns
	tasks  sync.WaitGroup

	phase    phase
	hasty    bool           // no process gets time to end any more
	sweepSig syscall.Signal // what the rest gets at each death while sweeping
	services []*service     // by name
	runs     map[int]*run   // by pid, until reaped
	watchers map[chan spec.Status]bool
	waiting  []request
	latest   spec.Status
}

// New makes a supervisor for the services of s. env holds the start-time
// variables, host runs the processes, and say takes lines for people; it must
// not block. A spec that cannot work is refused with all its faults.
func New(s spec.Spec, env map[string]string, host Host, say func(string)) (*Supervisor, error) {
	if err := check(s); err != nil {
		return nil, err
	}
	sv := &Supervisor{
		name: s.Name, env: environment{common: s.Env, start: env}, host: host, say: say,
		events: make(chan func()), done: make(chan struct{}),
		services: link(s), runs: map[int]*run{}, watchers: map[chan spec.Status]bool{},
	}
	return sv, nil
}

// link makes the services of s, sorted by name and tied to each other.
func link(s spec.Spec) []*service {
	byName := map[string]*service{}
	var all []*service
	for _, svc := range s.Services {
		one := &service{
			Service: svc, log: filepath.Join(logDir(s), svc.Name, "current"),
			after: map[*service]spec.Condition{}, state: spec.StateWaiting, since: time.Now(),
		}
		byName[svc.Name] = one
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b *service) int { return cmpNames(a.Name, b.Name) })
	for _, svc := range all {
		for name, condition := range svc.After {
			dep := byName[name]
			svc.after[dep] = condition
			dep.dependants = append(dep.dependants, svc)
		}
	}
	return all
}

func cmpNames(a, b string) int { return strings.Compare(a, b) }

// Run starts the services and returns once all of them, and every other
// process below this one, have ended after SIGTERM, SIGINT or Shutdown.
func (s *Supervisor) Run(signals <-chan os.Signal) {
	for s.phase != over {
		s.settle()
		if s.phase == over {
			break
		}
		select {
		case event := <-s.events:
			event()
		case <-s.host.Deaths():
			s.onDeaths()
		case sig := <-signals:
			s.onSignal(sig)
		}
	}
	s.leave()
}

// leave ends what the loop has started, and tells everybody who listens.
func (s *Supervisor) leave() {
	close(s.done)
	for _, svc := range s.services {
		svc.alarm.stop()
		svc.climb.end()
		if svc.run != nil {
			svc.run.cancel()
		}
	}
	for ch := range s.watchers {
		close(ch)
	}
	s.tasks.Wait()
}

// settle follows up on an event: it starts and stops what may be started and
// stopped now, and tells everybody who listens.
func (s *Supervisor) settle() {
	switch s.phase {
	case running:
		s.startWaiting()
	case stopping:
		s.stopNext()
	}
	s.answer()
	s.publish()
}

// startWaiting starts the services whose time has come. One that starts may
// be what another has waited for.
func (s *Supervisor) startWaiting() {
	for again := true; again; {
		again = false
		for _, svc := range s.services {
			if svc.state == spec.StateWaiting && svc.blocker() == nil {
				s.launch(svc)
				again = true
			}
		}
	}
}

// post has the loop run event. It returns false when the loop has ended.
func (s *Supervisor) post(event func()) bool {
	select {
	case s.events <- event:
		return true
	case <-s.done:
		return false
	}
}

// spawn runs task beside the loop, which waits for it when it ends.
func (s *Supervisor) spawn(task func()) { s.tasks.Go(task) }

func (s *Supervisor) tell(svc *service, format string, args ...any) {
	s.say(svc.Name + ": " + fmt.Sprintf(format, args...))
}

// An alarm is an event that comes later. Only the loop touches it; the zero
// pointer is an alarm that is off.
type alarm struct {
	timer *time.Timer
	off   bool
}

func (s *Supervisor) alarmAfter(d time.Duration, event func()) *alarm {
	a := &alarm{}
	a.timer = time.AfterFunc(d, func() {
		s.post(func() {
			if !a.off {
				event()
			}
		})
	})
	return a
}

// stop makes sure that the event does not come any more.
func (a *alarm) stop() {
	if a != nil {
		a.off = true
		a.timer.Stop()
	}
}
