package config

import (
	"slices"
	"strings"

	"github.com/sandwright/sandwright/internal/fault"
)

// checkProbes wants of each probe no keys that belong to other kinds.
func checkProbes(f *File, name string) (faults fault.List) {
	for _, use := range []string{"start", "ready", "live"} {
		kinds := f.kindsGiven(name, use)
		if len(kinds) == 1 && !f.has("services", name, "s6") && f.Services[name].Task == nil {
			faults = append(faults, checkExtras(f, name, use, kinds[0])...)
		}
	}
	s := f.Services[name]
	if !f.has("services", name, "s6") && s.Start != nil && s.Ready != nil && s.Start.FD != 0 && s.Start.FD == s.Ready.FD {
		faults = append(faults, f.At("services", name, "start", "fd").Cannot("use fd %d for start: ready has it", s.Start.FD).
			WithHint("remove start: what is ready has come up"))
	}
	return faults
}

// kindsGiven are the kinds of probe that the file says, readable or not,
// without those that live never has.
func (f *File) kindsGiven(service, use string) (kinds []probeKind) {
	for _, kind := range probeKinds() {
		never := use == "live" && (kind.name == "fd" || kind.name == "log")
		if !never && f.has("services", service, use, kind.name) {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}

// checkExtras finds keys that do not belong to the kind.
func checkExtras(f *File, name, use string, kind probeKind) (faults fault.List) {
	with := kind.with
	if kind.name == "notify" && use == "live" {
		with = []string{"interval", "failures"}
	}
	for _, key := range []string{"status", "headers", "body", "socket", "interval", "attempt", "failures", "successes"} {
		if !f.has("services", name, use, key) || slices.Contains(with, key) || neverSaid(use, key) {
			continue
		}
		faults = append(faults, f.At("services", name, use, key).Cannot("use %s in %s of %s: it does not go with %s", key, use, name, kind.name).
			WithHint("remove it; it goes with %s", kindsWith(use, key)))
	}
	return faults
}

// neverSaid tells whether the use has no such key at all, which was said.
func neverSaid(use, key string) bool {
	return use == "start" && (key == "failures" || key == "successes") || use == "live" && key == "successes"
}

// kindsWith names the kinds that the key belongs to.
func kindsWith(use, key string) string {
	var names []string
	for _, kind := range probeKinds() {
		if slices.Contains(kind.with, key) {
			names = append(names, kind.name)
		}
	}
	if use == "live" && (key == "interval" || key == "failures") {
		names = append(names, "notify")
	}
	if len(names) == 1 {
		return names[0]
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}
