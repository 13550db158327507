package control

import (
	"slices"
	"strings"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/spec"
)

// A selection is the names of services, sorted; the empty one is all services.
type selection []string

func (sel selection) has(name string) bool {
	return len(sel) == 0 || slices.Contains(sel, name)
}

// check finds the names that no service has.
func (sel selection) check(s spec.Status) error {
	var names []string
	for _, svc := range s.Services {
		names = append(names, svc.Name)
	}
	var faults fault.List
	for _, name := range sel {
		if !slices.Contains(names, name) {
			faults = append(faults, unknown(name, names))
		}
	}
	return faults.Err()
}

func unknown(name string, names []string) *fault.Fault {
	f := &fault.Fault{What: "cannot find service " + quote(name), Err: ErrUnknown}
	if near := fault.Nearest(name, names); near != "" {
		return f.WithHint("did you mean %s?", near)
	}
	return f.WithHint("the services are: %s", strings.Join(names, ", "))
}

// of is the status of the selected services alone: ready when all of these
// are, failed when one of these is or waits for one that is.
func (sel selection) of(s spec.Status) spec.Status {
	if len(sel) == 0 {
		return s
	}
	out := spec.Status{Name: s.Name, Ready: true, Services: []spec.ServiceStatus{}}
	for _, svc := range s.Services {
		if sel.has(svc.Name) {
			out.Services = append(out.Services, svc)
			out.Ready = out.Ready && reached(GoalReady, svc.State)
			out.Failed = out.Failed || root(svc, s).State == spec.StateFailed
		}
	}
	return out
}

// root is the service that svc waits for in the end, and so itself when it
// does not wait.
func root(svc spec.ServiceStatus, s spec.Status) spec.ServiceStatus {
	byName := make(map[string]int, len(s.Services))
	for i := range s.Services {
		byName[s.Services[i].Name] = i
	}
	for range s.Services { // and no longer, should they wait for each other
		i, ok := byName[svc.WaitsFor]
		if svc.State != spec.StateWaiting || !ok {
			break
		}
		svc = s.Services[i]
	}
	return svc
}
