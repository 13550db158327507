package config

import (
	"cmp"
	"maps"
	"slices"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/spec"
)

// checkServices looks at the keys of each service together.
func checkServices(f *File) (faults fault.List) {
	faults = checkMain(f)
	for _, name := range slices.Sorted(maps.Keys(f.Services)) {
		faults = append(faults, checkS6(f, name)...)
		faults = append(faults, checkTask(f, name)...)
		faults = append(faults, checkRestart(f, name)...)
		faults = append(faults, checkProbes(f, name)...)
	}
	return faults
}

// checkMain wants main to be a service that can end.
func checkMain(f *File) (faults fault.List) {
	if f.Main == "" {
		return nil
	}
	s, ok := f.Services[f.Main]
	at := f.At("main")
	switch {
	case !ok:
		faults = append(faults, missing(at, "service", f.Main, f.Services).orHint("name a service of this file"))
	case s.S6 != "":
		faults = append(faults, at.Cannot("use %s as main: an s6 service directory is started again whenever it ends", f.Main).
			WithHint("name a service that has a command"))
	case s.Restart.Policy == spec.Always:
		faults = append(faults, f.policyAt(f.Main).Cannot("use restart always for %s: it is main, and its end ends the sandbox", f.Main).
			WithHint("use on-failure or never, or remove main"))
	}
	return faults
}

// policyAt is where a service says its restart policy.
func (f *File) policyAt(name string) fault.Position {
	return f.At("services", name, "restart", "policy")
}

// s6Words says where an s6 service directory has what another key says.
func s6Words() []struct{ key, where string } {
	const inRun = "its run script says it"
	const none = "s6 has no such thing"
	return []struct{ key, where string }{
		{"task", "s6 starts it again whenever it ends"},
		{"dir", "it starts in its own folder"},
		{"user", inRun},
		{"ready", "its notification-fd says it"},
		{"start", "its notification-fd says it"},
		{"live", none},
		{"restart", "s6 starts it again whenever it ends, unless its finish script exits 125"},
		{"stop", "its down-signal and timeout-kill say it"},
		{"umask", inRun},
		{"nice", inRun},
		{"oom-score-adj", inRun},
		{"ulimits", inRun},
		{"no-new-privileges", inRun},
		{"cap-drop", inRun},
		{"memory", none},
		{"cpus", none},
		{"pids-limit", none},
	}
}

// checkS6 keeps what the files of an s6 service directory say out of here.
func checkS6(f *File, name string) (faults fault.List) {
	if !f.has("services", name, "s6") || f.has("services", name, "command") {
		return nil
	}
	for _, w := range s6Words() {
		if f.has("services", name, w.key) {
			faults = append(faults, f.At("services", name, w.key).Cannot("use %s for %s, which is an s6 service directory: %s", w.key, name, w.where).
				WithHint("remove %s", w.key))
		}
	}
	return faults
}

// checkTask keeps out of a task what is for services that stay.
func checkTask(f *File, name string) (faults fault.List) {
	s := f.Services[name]
	if s.Task == nil || f.has("services", name, "s6") {
		return nil
	}
	for _, use := range []string{"ready", "start", "live"} {
		if f.has("services", name, use) {
			faults = append(faults, f.At("services", name, use).Cannot("use %s for %s: it is a task, which is done when it exits 0", use, name).
				WithHint("remove %s, or remove task", use))
		}
	}
	if s.Restart.Policy == spec.Always && f.Main != name {
		faults = append(faults, f.policyAt(name).Cannot("use restart always for %s: it is a task, which ends", name).
			WithHint("use on-failure or never"))
	}
	return faults
}

// checkRestart wants the keys of restart to mean something together.
func checkRestart(f *File, name string) (faults fault.List) {
	r := f.Services[name].Restart
	at := func(key string) fault.Position { return f.At("services", name, "restart", key) }
	has := func(key string) bool { return f.has("services", name, "restart", key) }
	policy := cmp.Or(r.Policy, defaultPolicy(f, name))
	unread := r.Policy == "" && has("policy")
	for _, key := range []string{"min-delay", "max-delay", "limit", "within"} {
		if has(key) && policy == spec.Never && !unread && !f.has("services", name, "s6") {
			faults = append(faults, at(key).Cannot("use %s for %s: its restart is never", key, name).WithHint("remove %s, or set policy: on-failure", key))
		}
	}
	if len(faults) > 0 {
		return faults
	}
	if r.MaxDelay > 0 && r.MinDelay > r.MaxDelay {
		faults = append(faults, at("min-delay").Cannot("use min-delay %s for %s: max-delay is %s", r.MinDelay, name, r.MaxDelay).WithHint("make max-delay the longer one"))
	}
	if has("within") && !has("limit") {
		faults = append(faults, at("within").Cannot("use within for %s: it is the time for limit, and there is none", name).WithHint("add limit: 5"))
	}
	return faults
}

// checkConditions wants what a service waits for to be possible.
func checkConditions(f *File) (faults fault.List) {
	for _, name := range slices.Sorted(maps.Keys(f.Services)) {
		after := f.Services[name].After
		for _, dep := range slices.Sorted(maps.Keys(after)) {
			if _, ok := f.Services[dep]; !ok || dep == name {
				continue // said already
			}
			why, hint := obstacle(f, dep, spec.Condition(after[dep]))
			if why != "" {
				faults = append(faults, f.At("services", name, "after", dep).Cannot("wait for %s to be %s: %s", dep, after[dep], why).WithHint("%s", hint))
			}
		}
	}
	return faults
}

// obstacle is why a service can never meet the condition; empty: it can, or
// it could not be read.
func obstacle(f *File, name string, c spec.Condition) (why, hint string) {
	s := f.Services[name]
	saysPolicy := f.has("services", name, "restart", "policy") || f.has("services", name, "restart") && s.Restart == (spec.Restart{})
	switch {
	case c == spec.Ready && s.Task != nil:
		return "it is a task", "write " + name + ": exited-ok"
	case c != spec.ExitedOK:
		return "", ""
	case f.has("services", name, "s6"):
		return "an s6 service directory is started again whenever it ends", "write " + name + ": ready"
	case f.Main == name:
		return "it is main, and its end ends the sandbox", "write " + name + ": ready"
	case s.Restart.Policy == spec.Always && s.Task == nil, s.Restart.Policy == "" && !saysPolicy && s.Task == nil && !f.has("services", name, "task"):
		return "it is started again whenever it ends", "make it a task, with task: true, or set restart: on-failure for it"
	}
	return "", ""
}
