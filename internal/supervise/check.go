package supervise

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/probe"
	"github.com/sandwright/sandwright/internal/spec"
)

// check finds everything in a spec that no supervisor could carry out.
func check(s spec.Spec) error {
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
	if path := cycle(byName); path != nil {
		faults = append(faults, fault.Cannot("order services: %s", strings.Join(path, " -> ")).WithCode(fault.ExitConfig))
	}
	return faults.Err()
}

func cannotRun(svc spec.Service, why string) *fault.Fault {
	return fault.Cannot("run service %q: %s", svc.Name, why).WithCode(fault.ExitConfig)
}

// flaws is what is wrong with one service.
func flaws(svc spec.Service, all map[string]spec.Service) []string {
	var out []string
	note := func(bad bool, format string, args ...any) {
		if bad {
			out = append(out, fmt.Sprintf(format, args...))
		}
	}
	note(svc.Name == "" || svc.Name != filepath.Base(svc.Name) || strings.HasPrefix(svc.Name, "."), "its name is no file name")
	note(len(svc.Command) == 0 || svc.Command[0] == "", "it has no command")
	note(svc.Dir != "" && !filepath.IsAbs(svc.Dir), "its dir %s is not absolute", svc.Dir)
	for _, name := range slices.Sorted(maps.Keys(svc.After)) {
		_, known := all[name]
		note(!known, "it comes after %q, which is no service", name)
		condition := svc.After[name]
		note(condition != spec.Started && condition != spec.Ready, "it waits for %s to be %q", name, condition)
	}
	if svc.Ready != nil {
		note((svc.Ready.FD != 0) == (svc.Ready.HTTP != ""), "its probe is not one of fd and http")
		note(svc.Ready.FD != 0 && (svc.Ready.FD < 3 || svc.Ready.FD > maxReadyFD), "its probe's fd is not 3 to %d", maxReadyFD)
	}
	if svc.Ready != nil && svc.Ready.HTTP != "" {
		_, err := probe.NewHTTP(svc.Ready.HTTP)
		note(err != nil, "its probe: %v", err)
	}
	return out
}

// maxReadyFD bounds the descriptor of a newline probe: the table that a
// process is started with has a place for each one below.
const maxReadyFD = 255

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
