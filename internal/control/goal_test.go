package control

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/spec"
)

// states is every state of a service.
func states() []spec.State {
	return []spec.State{
		spec.StateWaiting, spec.StateStarting, spec.StateReady, spec.StateUnready, spec.StateStopping,
		spec.StateBackoff, spec.StateStopped, spec.StateExited, spec.StateFailed,
	}
}

// What each goal makes of each state: y it is reached, x it cannot be any
// more, and - neither.
func TestGoals(t *testing.T) {
	want := map[Goal]string{ // in the order of states
		GoalReady:   "--y---xyx",
		GoalStarted: "-yyy--xyx",
		GoalExited:  "------xyx",
		GoalStopped: "------yyy",
		GoalSettled: "--y---yyy",
	}
	for _, goal := range Goals() {
		var got strings.Builder
		for _, state := range states() {
			s := spec.Status{Services: []spec.ServiceStatus{{Name: "a", State: state}}}
			switch done, err := goal.judge(selection{"a"}, s); {
			case err != nil:
				got.WriteByte('x')
			case done:
				got.WriteByte('y')
			default:
				got.WriteByte('-')
			}
		}
		if got.String() != want[goal] {
			t.Errorf("%s: %s, want %s", goal, got.String(), want[goal])
		}
	}
}

// chain is a service that waits for one that waits for one in state.
func chain(state spec.State) spec.Status {
	return spec.Status{Services: []spec.ServiceStatus{
		{Name: "a", State: spec.StateWaiting, WaitsFor: "b", Reason: "waiting for b: waiting for c: " + string(state) + ": gone wrong"},
		{Name: "b", State: spec.StateWaiting, WaitsFor: "c", Reason: "waiting for c: " + string(state) + ": gone wrong"},
		{Name: "c", State: state, Reason: "gone wrong", Log: "/log/c/current"},
		{Name: "d", State: spec.StateReady},
	}}
}

func TestWhoWaitsForTheFailedIsLost(t *testing.T) {
	_, err := GoalReady.judge(selection{"a"}, chain(spec.StateFailed))
	if want := "cannot wait for a to be ready: waiting for b: waiting for c: failed: gone wrong"; err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
	_, err = GoalReady.judge(nil, chain(spec.StateFailed))
	var got []string
	for _, f := range fault.All(err) {
		got = append(got, f.Error()+" ("+f.Hint+")")
	}
	want := []string{
		"cannot wait for a to be ready: waiting for b: waiting for c: failed: gone wrong ()",
		"cannot wait for b to be ready: waiting for c: failed: gone wrong ()",
		"cannot wait for c to be ready: failed: gone wrong (look at /log/c/current)",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if _, err := GoalReady.judge(selection{"a"}, chain(spec.StateBackoff)); err != nil {
		t.Errorf("c may come back: %v", err)
	}
	_, err = GoalStarted.judge(selection{"c"}, chain(spec.StateStopped))
	if f := fault.All(err); len(f) != 1 || f[0].Hint != "run: sandwright-init start c" {
		t.Errorf("stopped: %v", err)
	}
}

// A service that waits for one that is not there, or for itself, is one that
// waits, and no reason to run forever.
func TestOddWaits(t *testing.T) {
	s := spec.Status{Services: []spec.ServiceStatus{
		{Name: "a", State: spec.StateWaiting, WaitsFor: "b"},
		{Name: "b", State: spec.StateWaiting, WaitsFor: "a"},
		{Name: "c", State: spec.StateWaiting, WaitsFor: "gone"},
		{Name: "d", State: spec.StateWaiting},
	}}
	for _, goal := range Goals() {
		if done, err := goal.judge(nil, s); done || err != nil {
			t.Errorf("%s: %v, %v", goal, done, err)
		}
	}
}

func TestLate(t *testing.T) {
	err := GoalStarted.late(nil, chain(spec.StateBackoff), 30*time.Second)
	want := `cannot wait for a to be started: after 30s it is waiting for b: waiting for c: backoff: gone wrong
cannot wait for b to be started: after 30s it is waiting for c: backoff: gone wrong
cannot wait for c to be started: after 30s it is backoff: gone wrong`
	if !errors.Is(err, context.DeadlineExceeded) || err.Error() != want {
		t.Errorf("got %v", err)
	}
	err = GoalReady.late(nil, spec.Status{}, time.Second)
	if !errors.Is(err, context.DeadlineExceeded) || err.Error() != "cannot wait longer than 1s" {
		t.Errorf("without a status: %v", err)
	}
}

func TestSelection(t *testing.T) {
	s := chain(spec.StateFailed)
	s.Name, s.Failed = "box", true
	for _, tt := range []struct {
		sel           selection
		names         string
		ready, failed bool
	}{
		{nil, "a b c d", false, true},
		{selection{"a"}, "a", false, true},
		{selection{"a", "d"}, "a d", false, true},
		{selection{"d"}, "d", true, false},
	} {
		got := tt.sel.of(s)
		var names []string
		for _, svc := range got.Services {
			names = append(names, svc.Name)
		}
		if strings.Join(names, " ") != tt.names || got.Ready != tt.ready || got.Failed != tt.failed || got.Name != "box" {
			t.Errorf("%v: %+v", tt.sel, got)
		}
	}
	err := selection{"a", "x", "y"}.check(s)
	if !errors.Is(err, ErrUnknown) || err.Error() != "cannot find service \"x\"\ncannot find service \"y\"" {
		t.Errorf("got %v", err)
	}
}
