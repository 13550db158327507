package control

import (
	"maps"
	"slices"
	"time"

	"github.com/sandwright/sandwright/internal/spec"
)

// changes is the last event of each service.
type changes map[string]spec.Event

// since is an event for each selected service that s shows otherwise than the
// status before did, the first time for all.
func (c changes) since(s spec.Status, sel selection, now time.Time) []any {
	var out []any
	gone := map[string]bool{}
	for name := range c {
		gone[name] = true
	}
	for _, svc := range s.Services {
		before, known := c[svc.Name]
		delete(gone, svc.Name)
		if e, is := change(before, svc, now); sel.has(svc.Name) && (is || !known) {
			c[svc.Name] = e
			out = append(out, e)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(gone)) {
		e := c[name]
		e.Time, e.PID, e.Gone = now, 0, true
		delete(c, name)
		out = append(out, e)
	}
	return out
}

// change tells whether svc is other than before. A change of state has the
// state's own time.
func change(before spec.Event, svc spec.ServiceStatus, now time.Time) (spec.Event, bool) {
	e := spec.Event{
		Time: before.Time, Service: svc.Name, State: svc.State, Reason: svc.Reason, Says: svc.Says,
		ReadyBy: svc.ReadyBy, PID: svc.PID, Restarts: svc.Restarts,
	}
	if e == before {
		return e, false
	}
	if e.Time = svc.Since; e.State == before.State {
		e.Time = now
	}
	return e, true
}
