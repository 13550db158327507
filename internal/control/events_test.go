package control

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sandwright/sandwright/internal/spec"
)

func at(second int64) time.Time { return time.Unix(second, 0).UTC() }

func services(all ...spec.ServiceStatus) spec.Status { return spec.Status{Services: all} }

// A box's life, and the events of it.
func TestChanges(t *testing.T) {
	web := spec.ServiceStatus{Name: "web", State: spec.StateStarting, PID: 7, Since: at(1)}
	db := spec.ServiceStatus{Name: "db", State: spec.StateReady, ReadyBy: "started", PID: 6, Since: at(2)}
	slow, busy, up, back := web, web, web, web
	slow.Reason = "no newline on fd 3"
	busy.Reason, busy.Usage, busy.Detail = slow.Reason, spec.Usage{Memory: 1}, "more of it"
	up.State, up.ReadyBy, up.Since = spec.StateReady, "newline on fd 3", at(5)
	back.PID, back.Restarts = 8, 1
	steps := []struct {
		status spec.Status
		want   []any
	}{
		{services(db, web), []any{
			spec.Event{Time: at(2), Service: "db", State: spec.StateReady, ReadyBy: "started", PID: 6},
			spec.Event{Time: at(1), Service: "web", State: spec.StateStarting, PID: 7},
		}},
		{services(db, web), nil},
		{services(db, slow), []any{spec.Event{Time: at(102), Service: "web", State: spec.StateStarting, Reason: "no newline on fd 3", PID: 7}}},
		{services(db, busy), nil},
		{services(db, up), []any{spec.Event{Time: at(5), Service: "web", State: spec.StateReady, ReadyBy: "newline on fd 3", PID: 7}}},
		{services(up), []any{spec.Event{Time: at(105), Service: "db", State: spec.StateReady, ReadyBy: "started", Gone: true}}},
		{services(up), nil},
		{services(back), []any{spec.Event{Time: at(1), Service: "web", State: spec.StateStarting, PID: 8, Restarts: 1}}},
		{services(), []any{spec.Event{Time: at(108), Service: "web", State: spec.StateStarting, Restarts: 1, Gone: true}}},
		{services(back), []any{spec.Event{Time: at(1), Service: "web", State: spec.StateStarting, PID: 8, Restarts: 1}}},
	}
	seen := changes{}
	for i, step := range steps {
		got := seen.since(step.status, nil, at(100+int64(i)))
		if diff := cmp.Diff(step.want, got); diff != "" {
			t.Errorf("step %d: -want +got:\n%s", i, diff)
		}
	}
}

func TestChangesOfTheSelected(t *testing.T) {
	seen := changes{}
	web, db := spec.ServiceStatus{Name: "web", State: spec.StateReady}, spec.ServiceStatus{Name: "db", State: spec.StateReady}
	if got := seen.since(services(db, web), selection{"web"}, at(1)); len(got) != 1 {
		t.Errorf("got %v", got)
	}
	db.State = spec.StateFailed
	if got := seen.since(services(db, web), selection{"web"}, at(2)); len(got) != 0 {
		t.Errorf("got %v", got)
	}
	if got := seen.since(services(web), selection{"web"}, at(3)); len(got) != 0 {
		t.Errorf("a service that nobody asked for is gone: %v", got)
	}
}
