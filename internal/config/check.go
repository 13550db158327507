package config

import (
	"maps"
	"slices"
	"strconv"

	"github.com/sandwright/sandwright/internal/fault"
)

// check finds what takes more than one value to see. It changes nothing, and
// is silent about values that could not be read.
func check(f *File) fault.List {
	return slices.Concat(
		checkTools(f),
		checkVouched(f),
		checkBuild(f),
		checkVariables(f),
		checkServices(f),
		checkAfter(f),
		checkConditions(f),
		checkCycles(f),
		checkLogs(f),
		checkPorts(f),
		checkCache(f),
		checkLinks(f),
	)
}

// has tells whether the file itself holds the key, readable or not.
func (f *File) has(keys ...string) bool {
	_, ok := f.positions[keyPath(keys).id()]
	return ok
}

// A lost fault is one about a name that is not there.
func missing[V any](at fault.Position, kind, name string, there map[string]V) lost {
	f := at.Cannot("find %s %q", kind, clip(name))
	if near := fault.Nearest(name, slices.Sorted(maps.Keys(there))); near != "" {
		f.WithHint("did you mean %s?", near)
	}
	return lost{f}
}

type lost struct{ *fault.Fault }

// orHint is for when no name is near.
func (l lost) orHint(format string, args ...any) *fault.Fault {
	if l.Hint == "" {
		l.WithHint(format, args...)
	}
	return l.Fault
}

// checkAfter wants every dependency to be another service of the file.
func checkAfter(f *File) (faults fault.List) {
	for _, name := range slices.Sorted(maps.Keys(f.Services)) {
		for _, dep := range slices.Sorted(maps.Keys(f.Services[name].After)) {
			at := f.At("services", name, "after", dep)
			if dep == name {
				faults = append(faults, at.Cannot("start %s after itself", name).WithHint("remove it from after"))
			} else if _, ok := f.Services[dep]; !ok {
				faults = append(faults, missing(at, "service", dep, f.Services).orHint("name a service of this file"))
			}
		}
	}
	return faults
}

// checkPorts wants every port to be published once.
func checkPorts(f *File) (faults fault.List) {
	host, box := map[int]int{}, map[int]int{}
	twice := func(seen map[int]int, i, port int, side string) {
		at := f.At("ports", strconv.Itoa(i))
		if line, ok := seen[port]; ok && port != 0 {
			faults = append(faults, at.Cannot("use port %d of the %s twice: it stands in line %d already", port, side, line).
				WithHint("remove one of the two, or change its port"))
			return
		}
		seen[port] = at.Line
	}
	for i, p := range f.Ports {
		twice(host, i, p.Host, "host")
		twice(box, i, p.Box, "box")
	}
	return faults
}
