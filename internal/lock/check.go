package lock

import (
	"fmt"
	"maps"
	"slices"

	"github.com/sandwright/sandwright/internal/fault"
)

// Wanted is what sandwright.yaml and package.json ask a lock to pin.
type Wanted struct {
	Platforms []string
	Manager   string         // NAME@VERSION
	ManagerAt fault.Position // where it is asked for
	Base      WantedSource
	Tools     map[string]WantedSource
}

// PinsBase tells whether l pins that base for that platform.
func (l *Lock) PinsBase(w WantedSource, platform string) bool {
	_, ok := l.Base.Systems[platform]
	return ok && l.Base.Source == w.Source && l.Base.Inputs == w.Inputs
}

// PinsTool tells whether l pins that tool for that platform.
func (l *Lock) PinsTool(name string, w WantedSource, platform string) bool {
	t := l.Tools[name]
	_, pinned := t.Platforms[platform]
	return pinned && t.Source == w.Source && t.Inputs == w.Inputs && w.misfit(t, platform) == ""
}

// Check tells every way in which l does not pin what is wanted, or pins what
// is not. Each fault wraps ErrDrift.
func (l *Lock) Check(w Wanted) error {
	var faults fault.List
	drift := func(at fault.Position, format string, args ...any) {
		f := at.Cannot("use the lock: "+format, args...).WithHint("run: sandwright lock")
		f.Err = ErrDrift
		faults = append(faults, f)
	}
	if l.Manager != w.Manager {
		drift(w.ManagerAt, "it is made for package manager %s, and package.json says %s", orNone(l.Manager), orNone(w.Manager))
	}
	for _, platform := range w.Platforms {
		if !l.PinsBase(w.Base, platform) {
			_, pinned := l.Base.Systems[platform]
			drift(w.Base.At, "%s", difference("base", l.Base.Source, l.Base.Inputs, w.Base, platform, pinned))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(w.Tools)) {
		for _, platform := range w.Platforms {
			if want := w.Tools[name]; !l.PinsTool(name, want, platform) {
				drift(want.At, "%s", l.toolDifference(name, want, platform))
			}
		}
	}
	l.leftOver(w, func(format string, args ...any) { drift(fault.Position{File: Name}, format, args...) })
	return faults.Distinct().Err() // two platforms may say the same
}

// leftOver tells what l pins and nothing asks for.
func (l *Lock) leftOver(w Wanted, drift func(string, ...any)) {
	platforms := map[string]bool{}
	for platform := range l.Base.Systems {
		platforms[platform] = true
	}
	for _, name := range slices.Sorted(maps.Keys(l.Tools)) {
		if _, ok := w.Tools[name]; !ok {
			drift("it pins tool %s, and nothing asks for it", name)
			continue
		}
		for platform := range l.Tools[name].Platforms {
			platforms[platform] = true
		}
	}
	for _, platform := range slices.Sorted(maps.Keys(platforms)) {
		if !slices.Contains(w.Platforms, platform) {
			drift("it pins platform %s, and nothing asks for it", platform)
		}
	}
}

// toolDifference says why what is pinned of a tool is not what is wanted.
func (l *Lock) toolDifference(name string, want WantedSource, platform string) string {
	t := l.Tools[name]
	_, pinned := t.Platforms[platform]
	if why := want.misfit(t, platform); pinned && why != "" && t.Source == want.Source && t.Inputs == want.Inputs {
		return fmt.Sprintf("it pins tool %s %s", name, why)
	}
	return difference("tool "+name, t.Source, t.Inputs, want, platform, pinned)
}

// difference says why what is pinned is not what is wanted.
func difference(what, source, inputs string, want WantedSource, platform string, pinned bool) string {
	switch {
	case source == "":
		return "it does not pin " + what
	case source != want.Source:
		return fmt.Sprintf("it pins %s as %s, and %s is asked for", what, source, want.Source)
	case inputs != want.Inputs:
		return fmt.Sprintf("it was made from other settings of %s than are there now", what)
	case pinned:
		return "it does not pin " + what
	}
	return fmt.Sprintf("it does not pin %s for %s", what, platform)
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}
