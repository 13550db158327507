package control

import (
	"context"
	"strings"
	"time"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/spec"
)

// A Goal is what a wait waits for.
type Goal string

// The goals. Each is reached once it holds for every selected service at the
// same time.
const (
	GoalReady   Goal = "ready"   // it is ready, or has done its work and exited
	GoalStarted Goal = "started" // its process runs, or it has exited
	GoalExited  Goal = "exited"  // it has done its work and exited
	GoalStopped Goal = "stopped" // it has no process, and gets none by itself
	GoalSettled Goal = "settled" // all are ready, or one can no longer become so; never refused
)

// Goals lists every goal, the default first.
func Goals() []Goal { return []Goal{GoalReady, GoalStarted, GoalExited, GoalStopped, GoalSettled} }

// reached tells whether a service in state is where the goal wants it.
func reached(goal Goal, state spec.State) bool {
	switch state {
	case spec.StateExited:
		return true
	case spec.StateReady:
		return goal == GoalReady || goal == GoalStarted
	case spec.StateStarting, spec.StateUnready:
		return goal == GoalStarted
	case spec.StateStopped, spec.StateFailed:
		return goal == GoalStopped
	}
	return false
}

// lost tells whether somebody has to act before svc can reach the goal: it, or
// what it waits for, has failed or been stopped.
func lost(goal Goal, svc spec.ServiceStatus, s spec.Status) bool {
	if reached(goal, svc.State) || goal == GoalStopped {
		return false
	}
	state := root(svc, s).State
	return state == spec.StateFailed || state == spec.StateStopped
}

// judge tells whether the goal is reached for the selected services. Its error
// names each one that can no longer reach it.
func (g Goal) judge(sel selection, s spec.Status) (bool, error) {
	if g == GoalSettled {
		done, err := GoalReady.judge(sel, s)
		return done || err != nil || sel.of(s).Settled(), nil
	}
	all := true
	var faults fault.List
	for _, svc := range sel.of(s).Services {
		all = all && reached(g, svc.State)
		if lost(g, svc, s) {
			faults = append(faults, g.cannot(svc, "").WithHint("%s", remedy(svc)))
		}
	}
	return all, faults.Err()
}

// late is a wait that took longer than d, with what was missing.
func (g Goal) late(sel selection, s spec.Status, d time.Duration) error {
	var faults fault.List
	for _, svc := range sel.of(s).Services {
		if !reached(g, svc.State) {
			f := g.cannot(svc, "after "+d.String()+" it is ")
			f.Err = context.DeadlineExceeded
			faults = append(faults, f)
		}
	}
	if len(faults) == 0 { // nothing was known yet
		return &fault.Fault{What: "cannot wait longer than " + d.String(), Err: context.DeadlineExceeded}
	}
	return faults
}

func (g Goal) cannot(svc spec.ServiceStatus, lead string) *fault.Fault {
	return fault.Cannot("wait for %s to be %s: %s%s", svc.Name, g, lead, standing(svc))
}

// standing is a service's state and the reason for it. The reason of a waiting
// one says that it waits.
func standing(svc spec.ServiceStatus) string {
	if svc.Reason == "" {
		return string(svc.State)
	}
	if strings.HasPrefix(svc.Reason, string(svc.State)) {
		return svc.Reason
	}
	return string(svc.State) + ": " + svc.Reason
}

// remedy is what to do about a service that has failed or was stopped.
func remedy(svc spec.ServiceStatus) string {
	switch {
	case svc.State == spec.StateStopped:
		return "run: sandwright-init start " + svc.Name
	case svc.State == spec.StateFailed && svc.Log != "":
		return "look at " + svc.Log
	}
	return ""
}
