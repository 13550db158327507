package config

import (
	"maps"
	"slices"
	"strings"

	"github.com/sandwright/sandwright/internal/fault"
)

// A reach is the variables that one may speak of: those that are known
// wherever it is read.
type reach struct {
	own  map[string]Variable // of its service
	file map[string]Variable
	fits func(name string, other Variable) bool // of those of the file
}

// find gives the variable of that name.
func (r reach) find(name string) (Variable, bool) {
	if v, ok := r.own[name]; ok {
		return v, true
	}
	v, ok := r.file[name]
	return v, ok && r.fits(name, v)
}

// missing is a fault about a name that is not in reach. What it could have
// been is looked for among few enough to do so often.
func (r reach) missing(at fault.Position, name string) *fault.Fault {
	near := map[string]Variable{}
	if len(r.own)+len(r.file) <= 1000 {
		for other, v := range r.file {
			if r.fits(other, v) {
				near[other] = v
			}
		}
		maps.Copy(near, r.own)
	}
	return missing(at, "variable", name, near).orHint("declare it for the same scope and services")
}

// reachOf is for a variable of the file: those with its scopes, for at least
// its services.
func (f *File) reachOf(v Variable) reach {
	return reach{file: f.Env, fits: func(_ string, other Variable) bool {
		if slices.ContainsFunc(v.Scope, func(s string) bool { return !other.In(s) }) {
			return false
		}
		lacks := func(service string) bool { return !slices.Contains(other.Services, service) }
		return !v.In(ScopeRun) || len(other.Services) == 0 || len(v.Services) > 0 && !slices.ContainsFunc(v.Services, lacks)
	}}
}

// SeenBy tells whether a service reads the file's variable of that name: it
// has neither a fixed value for it nor one of its own.
func (f *File) SeenBy(service, name string) bool {
	v, s := f.Env[name], f.Services[service]
	_, fixed := s.Env[name]
	_, own := s.Vars[name]
	return !fixed && !own && v.In(ScopeRun) && (len(v.Services) == 0 || slices.Contains(v.Services, service))
}

// reachIn is for a variable of a service: the service's, over the file's that
// it sees.
func (f *File) reachIn(service string) reach {
	return reach{own: f.Services[service].Vars, file: f.Env, fits: func(name string, _ Variable) bool { return f.SeenBy(service, name) }}
}

// checkDefaultCycles wants every chain of default-from to end.
func checkDefaultCycles(f *File) (faults fault.List) {
	all := reach{file: f.Env, fits: func(string, Variable) bool { return true }}
	faults = append(faults, all.cycles(f.Env, func(name string) fault.Position { return f.At("env", name, "default-from") })...)
	for _, service := range slices.Sorted(maps.Keys(f.Services)) {
		at := func(name string) fault.Position { return f.At("services", service, "env", name, "default-from") }
		faults = append(faults, f.reachIn(service).cycles(f.Services[service].Vars, at)...)
	}
	return faults
}

// cycles follows default-from from each of the variables.
func (r reach) cycles(starts map[string]Variable, at func(string) fault.Position) (faults fault.List) {
	done := map[string]bool{}
	for _, start := range slices.Sorted(maps.Keys(starts)) {
		path := map[string]int{}
		var order []string
		for name := start; name != "" && !done[name]; {
			if i, again := path[name]; again {
				if circle := order[i:]; len(circle) > 1 {
					faults = append(faults, at(start).Cannot("take defaults in a circle: %s", clip(strings.Join(circle, " -> ")+" -> "+name)).
						WithHint("give one of them a default of its own"))
				}
				break
			}
			path[name], order = len(order), append(order, name)
			v, _ := r.find(name)
			name = v.DefaultFrom
		}
		for _, name := range order {
			done[name] = true
		}
	}
	return faults
}
