package spec

import (
	"encoding/json"
	"time"
)

// A State is where a service stands.
type State string

// The states of a service. A service moves waiting -> starting -> ready, to
// unready and back as its probe says, and from any of them to stopping,
// backoff, stopped, exited or failed.
const (
	StateWaiting  State = "waiting"  // for what After names; Reason says for what
	StateStarting State = "starting" // its process runs and is not ready yet
	StateReady    State = "ready"    // its process runs and is ready
	StateUnready  State = "unready"  // its process runs, was ready, and is no more
	StateStopping State = "stopping" // has been asked to end
	StateBackoff  State = "backoff"  // ended, and will be started again
	StateStopped  State = "stopped"  // was asked to end, and did
	StateExited   State = "exited"   // ended by itself, and its policy is not to restart
	StateFailed   State = "failed"   // will not be started again; Reason says why
)

// Status is the answer to GET /v1/status.
type Status struct {
	Name     string          `json:"name"`
	Ready    bool            `json:"ready"`  // every service is ready
	Failed   bool            `json:"failed"` // at least one service is failed, or waits for one that is
	Services []ServiceStatus `json:"services"`
}

// ServiceStatus is one service, as people and programs see it.
type ServiceStatus struct {
	Name       string    `json:"name"`
	State      State     `json:"state"`
	Reason     string    `json:"reason,omitempty"`     // why it is not ready
	WaitsFor   string    `json:"waitsFor,omitempty"`   // the service that a waiting one waits for
	Says       string    `json:"says,omitempty"`       // its own STATUS= by sd_notify
	Detail     string    `json:"detail,omitempty"`     // the first lines of what the last failed probe saw
	ReadyBy    string    `json:"readyBy,omitempty"`    // such as "GET http://… 200", "newline on fd 3", "started"
	ReadyAfter Duration  `json:"readyAfter,omitempty"` // from start of its process to ready
	PID        int       `json:"pid,omitempty"`        // in the box's pid namespace
	Restarts   int       `json:"restarts"`             // since the box started
	Since      time.Time `json:"since"`                // of State
	Port       int       `json:"port,omitempty"`
	Log        string    `json:"log"` // path of the current log file inside the box
	Usage      Usage     `json:"usage,omitzero"`
}

// Usage is what a service's cgroup has counted; the zero Usage where it has
// none. It is as of the question and no change of it is an event.
type Usage struct {
	Memory int64    `json:"memory"` // bytes now
	CPU    Duration `json:"cpu"`    // in all
	PIDs   int64    `json:"pids"`   // now
}

// An Event is one change of one service: a line of GET /v1/events.
type Event struct {
	Time     time.Time `json:"time"` // of the change
	Service  string    `json:"service"`
	State    State     `json:"state"`
	Reason   string    `json:"reason,omitempty"`
	Says     string    `json:"says,omitempty"`
	ReadyBy  string    `json:"readyBy,omitempty"`
	PID      int       `json:"pid,omitempty"`
	Restarts int       `json:"restarts"`
	Gone     bool      `json:"gone,omitempty"` // a reload has taken the service away; State was its last
}

// Reloaded is the answer to POST /v1/reload: what became of each service, by
// name. None of the lists is nil on the wire.
type Reloaded struct {
	Started   []string `json:"started"`
	Stopped   []string `json:"stopped"` // the new spec does not have them
	Restarted []string `json:"restarted"`
	Signaled  []string `json:"signaled"` // a secret has changed, and they are told by a signal
	Unchanged []string `json:"unchanged"`
}

// MarshalJSON writes a list that is nil as an empty one.
func (r Reloaded) MarshalJSON() ([]byte, error) {
	type plain Reloaded
	for _, list := range []*[]string{&r.Started, &r.Stopped, &r.Restarted, &r.Signaled, &r.Unchanged} {
		if *list == nil {
			*list = []string{}
		}
	}
	return json.Marshal(plain(r))
}

// Settled tells whether a wait for readiness is over: all ready, or some
// service can no longer become so.
func (s Status) Settled() bool { return s.Ready || s.Failed }
