// Package supervise keeps services running: it starts them in order, knows
// when they are ready, starts them again when they die, stops them in the
// reverse order, and collects every process that is left to it.
//
// One goroutine, in Run, owns all state; everything else reaches it as an
// event. There is one method per event, and delays are pure functions.
package supervise

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/sandwright/sandwright/internal/loop"
	"github.com/sandwright/sandwright/internal/redact"
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

	secrets *redact.Live // nil hides nothing

	loop   *loop.Loop
	chance func() float64 // from 0 to 1, for delays
	load   Loader

	phase    phase
	hasty    bool           // no process gets time to end any more
	sweepSig syscall.Signal // what the rest gets at each death while sweeping
	main     string         // the service whose end is the sandbox's
	code     int            // what Run returns
	services []*service     // by name
	watchers map[chan spec.Status]bool
	waiting  []request
	latest   spec.Status
}

// New makes a supervisor for the services of s. env holds the start-time
// variables, host runs the processes, load is what Reload reads, nil for none,
// and say takes lines for people; it must not block. A spec that cannot work is
// refused with all its faults.
func New(s spec.Spec, env map[string]string, host Host, load Loader, say func(string)) (*Supervisor, error) {
	if load == nil {
		load = unloadable
	}
	if err := Check(s); err != nil {
		return nil, err
	}
	sv := &Supervisor{
		name: s.Name, env: environment{common: s.Env, start: env}, host: host, say: say,
		loop: loop.New(), chance: rand.Float64, load: load, main: s.Main,
		services: link(s, nil), watchers: map[chan spec.Status]bool{},
	}
	return sv, nil
}

// link makes the services of s, sorted by name and tied to each other. Those
// that there are in old already are taken over as they stand, with what s says
// of them.
func link(s spec.Spec, old map[string]*service) []*service {
	byName := map[string]*service{}
	var all []*service
	for _, svc := range s.Services {
		one := old[svc.Name]
		if one == nil {
			one = &service{state: spec.StateWaiting, since: time.Now()}
		}
		one.Service, one.log = svc, filepath.Join(logDir(s), svc.Name, "current")
		one.after, one.dependants = map[*service]spec.Condition{}, nil
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
// process below this one, have ended after SIGTERM, SIGINT, Shutdown or the
// end of the main service, whose exit code it gives; otherwise that is 0.
func (s *Supervisor) Run(signals <-chan os.Signal) (code int) {
	s.openUnits()
	for s.phase != over {
		s.settle()
		if s.phase == over {
			break
		}
		select {
		case event := <-s.loop.Events():
			event()
		case <-s.host.Deaths():
			s.onDeaths()
		case sig := <-signals:
			s.onSignal(sig)
		}
	}
	s.leave()
	return s.code
}

// openUnits takes the s6 directories of services that are new.
func (s *Supervisor) openUnits() {
	for _, svc := range s.services {
		if svc.S6 != "" && svc.unit == nil && svc.state == spec.StateWaiting {
			s.open(svc)
		}
	}
}

// leave ends what the loop has started, and tells everybody who listens.
func (s *Supervisor) leave() {
	for _, svc := range s.services {
		svc.climb.end()
		if svc.run != nil {
			s.drop(svc)
		}
		svc.alarm.Stop()
		svc.leaveUnit()
	}
	s.host.Release()
	s.loop.Close()
	for ch := range s.watchers {
		close(ch)
	}
}

// settle follows up on an event: it starts and stops what may be started and
// stopped now, and tells everybody who listens.
func (s *Supervisor) settle() {
	if s.phase == running {
		s.startWaiting()
	}
	if s.phase == stopping {
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

func (s *Supervisor) tell(svc *service, format string, args ...any) {
	s.say(svc.Name + ": " + fmt.Sprintf(format, args...))
}
