package config

import (
	"maps"
	"slices"
	"strconv"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/spec"
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
		checkLinks(f),
	)
}

// has tells whether the file itself holds the key, readable or not.
func (f *File) has(keys ...string) bool {
	_, ok := f.positions[keyPath(keys).id()]
	return ok
}

// checkBuild wants each variable of a build step to be declared for builds.
func checkBuild(f *File) (faults fault.List) {
	for i, step := range f.Workspace.Build {
		for j, name := range step.Env {
			at := f.At("workspace", "build", strconv.Itoa(i), "env", strconv.Itoa(j))
			v, ok := f.Env[name]
			switch {
			case name == "": // said already
			case !ok:
				faults = append(faults, missing(at, "variable", name, f.Env).orHint("declare it: env: {%s: {scope: build}}", name))
			case v.Scope == ScopeRun || v.Scope == ScopePublish:
				faults = append(faults, at.Cannot("give %s to a build step: its scope is %s", name, v.Scope).
					WithHint("set scope: build for %s, in line %d", name, f.At("env", name).Line))
			}
		}
	}
	return faults
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

func checkVariables(f *File) (faults fault.List) {
	for _, name := range slices.Sorted(maps.Keys(f.Env)) {
		v := f.Env[name]
		faults = append(faults, checkValues(f, name, v)...)
		for i, service := range v.Services {
			if _, ok := f.Services[service]; !ok && service != "" {
				faults = append(faults, missing(f.At("env", name, "services", strconv.Itoa(i)), "service", service, f.Services).
					orHint("name a service of this file"))
			}
		}
		if v.Scope != ScopeRun && v.Scope != "" && f.has("env", name, "services") {
			faults = append(faults, f.At("env", name, "services").Cannot("give %s to services: its scope is %s", name, v.Scope).
				WithHint("remove services, or set scope: run"))
		}
	}
	return faults
}

// checkValues looks at type, values, default and secret together. The default
// of a secret is never shown.
func checkValues(f *File, name string, v Variable) (faults fault.List) {
	isEnum := v.Type == string(spec.Enum)
	if isEnum && len(v.Values) == 0 && !f.has("env", name, "values") {
		faults = append(faults, f.At("env", name).Cannot("find values: the enum %s needs them", name).WithHint("add values: [one, another]"))
	}
	if !isEnum && v.Type != "" && len(v.Values) > 0 {
		faults = append(faults, f.At("env", name, "values").Cannot("use values: %s is not an enum", name).WithHint("set type: enum"))
	}
	at := f.At("env", name, "default")
	switch {
	case v.Default == nil || v.Type == "":
	case v.Secret:
		faults = append(faults, at.Cannot("use a default for %s: it is a secret, and this file is no place for one", name).
			WithHint("remove default, and give the value by the environment or --env-file"))
	case isEnum && len(v.Values) == 0: // said already
	case !spec.ValueType(v.Type).Fits(*v.Default, v.Values):
		faults = append(faults, at.Cannot("use default %q: it is not %s", clip(*v.Default), spec.ValueType(v.Type).Misfit(v.Values)))
	}
	return faults
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
