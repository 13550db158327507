package supervise

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/sandwright/sandwright/internal/loop"
	"github.com/sandwright/sandwright/internal/spec"
)

// A goal is what follows the end of a process that has been asked to end.
type goal int

const (
	goalStopped goal = iota // nothing
	goalFailed              // nothing: it had its chance
	goalStart               // the next run
	goalRetry               // the next run, if the policy wants one
	goalGone                // the service is no longer in the spec
)

// A service is one of the spec's, and where it stands. Only the event loop
// touches it.
type service struct {
	spec.Service
	log        string
	after      map[*service]spec.Condition
	dependants []*service

	state      spec.State
	reason     string
	says       string
	detail     string
	since      time.Time
	readyBy    string
	readyAfter time.Duration

	unit      Unit    // nil without an s6 directory
	stale     bool    // the unit is that of an earlier spec
	asked     bool    // somebody has asked for it to be started, down file or not
	begun     int     // the process of the unit that has been told of
	run       *run    // nil while it has no process, and always with a unit
	latest    Process // the newest there was
	goal      goal    // while state is stopping
	climb     climb
	alarm     *loop.Alarm // the end of a backoff, of a stop's timeout or of a task's time
	starts    []time.Time // that count towards the start limit
	code      int         // with which its last run ended by itself
	launches  int
	shortRuns int // in a row
}

// A run is one process of a service.
type run struct {
	svc     *service
	process Process
	pid     int
	started time.Time
	cancel  context.CancelFunc // ends its probes
	unready string             // why it is not ready yet
	over    bool               // the process is gone; its group may not be
}

// A climb is the way from the first start to ready, over as many runs as it
// takes. Its alarm is a probe's deadline.
type climb struct {
	alarm   *loop.Alarm
	up      bool // the start probe has succeeded once
	crashes int
	death   string // of its last run
}

func (c *climb) end() {
	c.alarm.Stop()
	*c = climb{}
}

// set moves the service to a state.
func (s *service) set(state spec.State, reason string) {
	if s.state != state {
		s.since = time.Now()
	}
	s.state, s.reason = state, reason
	if state == spec.StateReady || state == spec.StateExited {
		s.detail = ""
	}
	if state != spec.StateReady && state != spec.StateExited {
		s.readyBy, s.readyAfter = "", 0
	}
}

// blocker is the first service that this one has to wait for; nil when none.
func (s *service) blocker() *service {
	byName := func(a, b *service) int { return cmpNames(a.Name, b.Name) }
	for _, dep := range slices.SortedFunc(maps.Keys(s.after), byName) {
		if !dep.meets(s.after[dep]) {
			return dep
		}
	}
	return nil
}

// meets tells whether a dependant may start. A service that has exited has
// done so in good order, and was ready before or is a task that is done.
func (s *service) meets(c spec.Condition) bool {
	switch s.state {
	case spec.StateExited:
		return true
	case spec.StateReady:
		return c != spec.ExitedOK
	case spec.StateStarting, spec.StateUnready:
		return c == spec.Started
	}
	return false
}

// why is the reason as a status shows it. That of a waiting service is what
// it waits for, and why that is not there.
func (s *service) why() string {
	if s.state != spec.StateWaiting {
		return s.reason
	}
	dep := s.blocker()
	if dep == nil {
		return ""
	}
	text := fmt.Sprintf("waiting for %s: ", dep.Name)
	reason := dep.why()
	switch {
	case dep.state == spec.StateWaiting && reason != "":
		return text + reason
	case reason != "":
		return text + string(dep.state) + ": " + reason
	}
	return text + string(dep.state)
}

// purpose is why a task runs, where it says so.
func (s *service) purpose() string {
	if s.Task == nil {
		return ""
	}
	return s.Task.Why
}

func (s *service) status() spec.ServiceStatus {
	status := spec.ServiceStatus{
		Name: s.Name, State: s.state, Reason: s.why(), Says: s.says, Detail: s.detail, Since: s.since, Port: s.Port, Log: s.log,
		ReadyBy: s.readyBy, ReadyAfter: spec.Duration(s.readyAfter), Restarts: max(0, s.launches-1),
	}
	status.PID = s.pid()
	if dep := s.blocker(); s.state == spec.StateWaiting && dep != nil {
		status.WaitsFor = dep.Name
	}
	return status
}

// resting tells whether the service needs no stopping.
func (s *service) resting() bool {
	switch s.state {
	case spec.StateStopped, spec.StateExited, spec.StateFailed:
		return true
	}
	return false
}

// restarts tells whether the policy wants another run.
func (s *service) restarts(ok bool) bool {
	switch s.Restart.Policy {
	case spec.Never:
		return false
	case spec.OnFailure:
		return !ok
	}
	return s.Task == nil || !ok
}

// lastOutput is the last line that any run of the service has written.
func (s *service) lastOutput() string {
	if s.latest == nil {
		return ""
	}
	return s.latest.LastOutput()
}
