package lock

import (
	"fmt"
	"maps"
	"slices"

	"github.com/sandwright/sandwright/internal/fault"
)

// Wanted is what sandwright.yaml asks a lock to pin.
type Wanted struct {
	Platforms []string
	Base      WantedBase
	Tools     map[string]WantedTool
}

// A WantedBase is the Debian system that is asked for.
type WantedBase struct {
	At       fault.Position // where it is asked for
	Suite    string
	Packages []string // in any order
	Security bool
}

// A WantedTool is one tool that is asked for.
type WantedTool struct {
	At     fault.Position // where it is asked for
	Source string         // as Tool.Source
	Bin    []string
}

// PinsBase tells whether l pins that base for that platform.
func (l *Lock) PinsBase(w WantedBase, platform string) bool {
	_, ok := l.Base.Systems[platform]
	return ok && l.Base.Suite == w.Suite && l.Base.Security == w.Security && samePackages(l.Base, w)
}

// PinsTool tells whether l pins that tool for that platform.
func (l *Lock) PinsTool(name string, w WantedTool, platform string) bool {
	t, ok := l.Tools[name]
	_, pinned := t.Platforms[platform]
	return ok && pinned && t.Source == w.Source && slices.Equal(t.Bin, w.Bin)
}

// Check tells every way in which l does not pin what is wanted, or pins what
// is not. Each fault wraps ErrDrift.
func (l *Lock) Check(w Wanted) error {
	var faults fault.List
	drift := func(at fault.Position, format string, args ...any) {
		f := at.Cannot(format, args...).WithHint("run: sandwright lock")
		f.Err = ErrDrift
		faults = append(faults, f)
	}
	for _, platform := range w.Platforms {
		if !l.PinsBase(w.Base, platform) {
			drift(w.Base.At, "use the lock: %s", l.baseDrift(w.Base, platform))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(w.Tools)) {
		for _, platform := range w.Platforms {
			if !l.PinsTool(name, w.Tools[name], platform) {
				drift(w.Tools[name].At, "use the lock: %s", l.toolDrift(name, w.Tools[name], platform))
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(l.Tools)) {
		if _, ok := w.Tools[name]; !ok {
			drift(fault.Position{File: Name}, "use the lock: it pins tool %s, and nothing asks for it", name)
		}
	}
	return faults.Err()
}

func samePackages(b Base, w WantedBase) bool {
	return slices.Equal(slices.Sorted(slices.Values(b.Packages)), slices.Sorted(slices.Values(w.Packages)))
}

// baseDrift says what PinsBase found.
func (l *Lock) baseDrift(w WantedBase, platform string) string {
	switch b := l.Base; {
	case b.Suite == "":
		return "it pins no base"
	case b.Suite != w.Suite:
		return fmt.Sprintf("it pins suite %s, and %s is asked for", b.Suite, w.Suite)
	case b.Security != w.Security:
		return fmt.Sprintf("it was made with security updates %s, and they are now %s", onOff(b.Security), onOff(w.Security))
	case !samePackages(b, w):
		return fmt.Sprintf("it pins a base with packages %v, and %v are asked for", b.Packages, w.Packages)
	}
	return "it pins no base for " + platform
}

// toolDrift says what PinsTool found.
func (l *Lock) toolDrift(name string, w WantedTool, platform string) string {
	switch t, ok := l.Tools[name]; {
	case !ok:
		return fmt.Sprintf("it does not pin tool %s", name)
	case t.Source != w.Source:
		return fmt.Sprintf("it pins tool %s as %s, and %s is asked for", name, t.Source, w.Source)
	case !slices.Equal(t.Bin, w.Bin):
		return fmt.Sprintf("it pins tool %s with bin %v, and %v is asked for", name, t.Bin, w.Bin)
	}
	return fmt.Sprintf("it does not pin tool %s for %s", name, platform)
}

func onOff(b bool) string {
	if b {
		return "on"
	}
	return "off"
}
