package supervise

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/launch"
	"github.com/sandwright/sandwright/internal/probe"
	"github.com/sandwright/sandwright/internal/spec"
)

// Check finds everything in a spec that no supervisor could carry out.
func Check(s spec.Spec) error {
	var faults fault.List
	byName := map[string]spec.Service{}
	for _, svc := range s.Services {
		if _, twice := byName[svc.Name]; twice {
			faults = append(faults, cannotRun(svc, "its name is used twice"))
		}
		byName[svc.Name] = svc
	}
	for _, svc := range s.Services {
		for _, why := range flaws(svc, byName) {
			faults = append(faults, cannotRun(svc, why))
		}
	}
	if _, known := byName[s.Main]; s.Main != "" && !known {
		faults = append(faults, fault.Cannot("end with service %q, the main one: there is none of that name", s.Main).WithCode(fault.ExitConfig))
	}
	if path := cycle(byName); path != nil {
		at := fault.Position{File: byName[path[0]].At}
		faults = append(faults, at.Cannot("order services: %s", strings.Join(path, " -> ")))
	}
	return faults.Err()
}

func cannotRun(svc spec.Service, why string) *fault.Fault {
	return fault.Position{File: svc.At}.Cannot("run service %q: %s", svc.Name, why)
}

// flaws is what is wrong with one service.
func flaws(svc spec.Service, all map[string]spec.Service) []string {
	var out notes
	out.note(svc.Name == "" || svc.Name != filepath.Base(svc.Name) || strings.HasPrefix(svc.Name, "."), "its name is no file name")
	out.after(svc, all)
	if svc.S6 != "" {
		out.s6(svc)
		return out
	}
	out.note(len(svc.Command) == 0 || svc.Command[0] == "", "it has no command")
	out.note(svc.Dir != "" && !filepath.IsAbs(svc.Dir), "its dir %s is not absolute", svc.Dir)
	out.note(svc.Stop.Signal != "" && unix.SignalNum(svc.Stop.Signal) == 0, "its stop signal %s is none", svc.Stop.Signal)
	out.probe(probe.Start, svc.Start)
	out.probe(probe.Ready, svc.Ready)
	out.probe(probe.Live, svc.Live)
	out.note(svc.Task != nil && isProbed(svc), "it is a task and has probes")
	out.note(svc.Start != nil && svc.Ready != nil && svc.Start.FD != 0 && svc.Ready.FD != 0, "its start and ready probes both wait for a newline, which comes once")
	for _, flaw := range launch.Check(svc.Limits, svc.User) {
		out.note(true, "%s", flaw)
	}
	return out
}

// isProbed tells whether anything is to be found out about a run.
func isProbed(svc spec.Service) bool { return svc.Start != nil || svc.Ready != nil || svc.Live != nil }

// notes is what is wrong with one service.
type notes []string

func (n *notes) note(bad bool, format string, args ...any) {
	if bad {
		*n = append(*n, fmt.Sprintf(format, args...))
	}
}

// after looks at what a service waits for.
func (n *notes) after(svc spec.Service, all map[string]spec.Service) {
	for _, name := range slices.Sorted(maps.Keys(svc.After)) {
		dep, known := all[name]
		n.note(!known, "it comes after %q, which is no service", name)
		condition := svc.After[name]
		n.note(condition != spec.Started && condition != spec.Ready && condition != spec.ExitedOK, "it waits for %s to be %q", name, condition)
		endless := dep.S6 != "" || dep.Task == nil && dep.Restart.Policy == spec.Always
		n.note(known && condition == spec.ExitedOK && endless, "it waits for %s to exit, which is started again whenever it does", name)
	}
}

// s6 looks at a service whose directory says all the rest.
func (n *notes) s6(svc spec.Service) {
	n.note(!filepath.IsAbs(svc.S6), "its s6 directory %s is not absolute", svc.S6)
	n.note(len(svc.Command) > 0 || svc.Task != nil || isProbed(svc) || svc.User != nil, "its s6 directory says how it runs: it has no command, task, probe or user of its own")
}

// probe looks at one probe.
func (n *notes) probe(use probe.Use, p *spec.Probe) {
	if p == nil {
		return
	}
	for _, flaw := range probe.Flaws(use, *p) {
		n.note(true, "its %s probe: %s", use, flaw)
	}
}

// cycle is a way from a service through what it comes after back to itself.
func cycle(all map[string]spec.Service) []string {
	free := map[string]bool{}
	var walk func(path []string, name string) []string
	walk = func(path []string, name string) []string {
		if i := slices.Index(path, name); i >= 0 {
			return append(path[i:], name)
		}
		if free[name] {
			return nil
		}
		for _, next := range slices.Sorted(maps.Keys(all[name].After)) {
			if found := walk(append(path, name), next); found != nil {
				return found
			}
		}
		free[name] = true
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if found := walk(nil, name); found != nil {
			return found
		}
	}
	return nil
}
