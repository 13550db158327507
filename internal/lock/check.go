package lock

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sandwright/sandwright/internal/fault"
)

// Wanted is what sandwright.yaml and package.json ask a lock to pin.
type Wanted struct {
	Platforms []string
	Manager   string         // NAME@VERSION
	ManagerAt fault.Position // where it is asked for
	Hash      string         // sha512.HEX or sha256.HEX of its package; empty or another kind: not asked for
	Base      WantedSource
	Tools     map[string]WantedSource
}

// A WantedSource is a base or a tool that is asked for.
type WantedSource struct {
	At     fault.Position // where it is asked for
	Source string         // as Tool.Source
	Inputs string         // as Tool.Inputs
	Exact  string         // the one version that is asked for; empty: several would do
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
	return pinned && t.Source == w.Source && t.Inputs == w.Inputs && w.allows(t.Version)
}

// allows tells whether a version can be of what is asked for.
func (w WantedSource) allows(version string) bool { return w.Exact == "" || w.Exact == version }

// HasHash tells whether a has the hash that package.json gives of a package
// manager. It takes one of another kind than a has.
func (a Artifact) HasHash(hash string) bool {
	switch kind, sum, _ := strings.Cut(hash, "."); kind {
	case "sha512":
		return sum == a.SHA512
	case "sha256":
		return sum == a.SHA256
	}
	return true
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
	l.otherManager(w, drift)
	for _, platform := range w.Platforms {
		if !l.PinsBase(w.Base, platform) {
			_, pinned := l.Base.Systems[platform]
			drift(w.Base.At, "%s", difference("base", WantedSource{Source: l.Base.Source, Inputs: l.Base.Inputs}, w.Base, platform, pinned))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(w.Tools)) {
		for _, platform := range w.Platforms {
			if want := w.Tools[name]; !l.PinsTool(name, want, platform) {
				t := l.Tools[name]
				_, pinned := t.Platforms[platform]
				drift(want.At, "%s", difference("tool "+name, WantedSource{Source: t.Source, Inputs: t.Inputs, Exact: t.Version}, want, platform, pinned))
			}
		}
	}
	l.leftOver(w, func(format string, args ...any) { drift(fault.Position{File: Name}, format, args...) })
	return distinct(faults).Err()
}

// distinct leaves out what has been said of another platform.
func distinct(faults fault.List) (out fault.List) {
	said := map[string]bool{}
	for _, f := range faults {
		if text := f.Error(); !said[text] {
			said[text] = true
			out = append(out, f)
		}
	}
	return out
}

// otherManager tells where l pins other bytes of the package manager than
// package.json says.
func (l *Lock) otherManager(w Wanted, drift func(fault.Position, string, ...any)) {
	name, version, _ := strings.Cut(w.Manager, "@")
	platforms := l.Tools[name].Platforms
	for _, platform := range slices.Sorted(maps.Keys(platforms)) {
		if a := platforms[platform]; a.Package == name && a.Version == version && !a.HasHash(w.Hash) {
			drift(w.ManagerAt, "it pins other bytes of %s than package.json says: sha512 %s, sha256 %s, and not %s", w.Manager, a.SHA512, a.SHA256, w.Hash)
		}
	}
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

// difference says why what is pinned is not what is wanted.
func difference(what string, have, want WantedSource, platform string, pinned bool) string {
	switch {
	case have.Source == "":
		return "it does not pin " + what
	case have.Source != want.Source:
		return fmt.Sprintf("it pins %s as %s, and %s is asked for", what, have.Source, want.Source)
	case have.Inputs != want.Inputs:
		return fmt.Sprintf("it was made from other settings of %s than are there now", what)
	case !want.allows(have.Exact):
		return fmt.Sprintf("it pins %s at version %s, and %s is asked for", what, have.Exact, want.Exact)
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
