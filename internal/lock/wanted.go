package lock

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/semver"
)

// A WantedSource is a base or a tool that is asked for.
type WantedSource struct {
	At     fault.Position // where it is asked for
	Source string         // as Tool.Source
	Inputs string         // as Tool.Inputs
	Exact  string         // the one version that is asked for; empty: several would do
	Range  string         // that the version must be in; empty, or no range, such as a tag: any would do

	// Expect gives what is known beforehand of the artifact of a version; nil:
	// nothing.
	Expect func(version, platform string) Expected

	Manager string // NAME@VERSION, of the package manager alone
	Hash    string // of its package, as package.json gives it, such as sha512.HEX; empty: it gives none
}

// Expected is what the file alone says of an artifact. What is empty is not
// known.
type Expected struct {
	Package string
	Version string   // of Package
	URL     string   // the address that is asked
	Keep    []string // as Artifact.Keep
	Bin     []string // the files that are programs
}

// Allows tells whether a version can be of what is asked for.
func (w WantedSource) Allows(version string) bool {
	if w.Exact != "" || w.Range == "" {
		return w.Exact == "" || w.Exact == version
	}
	within, err := semver.ParseConstraint(w.Range)
	if err != nil {
		return true
	}
	v, err := semver.Parse(version)
	return err == nil && within.Allows(v)
}

// misfit says what of a pinned tool cannot be of what is asked for; empty when
// nothing speaks against it.
func (w WantedSource) misfit(t Tool, platform string) string {
	a := t.Platforms[platform]
	if !w.Allows(t.Version) {
		return fmt.Sprintf("at version %s, and %s is asked for", t.Version, cmp.Or(w.Exact, w.Range))
	}
	if w.Expect != nil {
		if why := w.Expect(t.Version, platform).misfit(a); why != "" {
			return why
		}
	}
	return w.otherHash(a)
}

func (e Expected) misfit(a Artifact) string {
	for _, one := range [][3]string{{"as package", a.Package, e.Package}, {"at version", a.Version, e.Version}, {"from", strings.Join(a.URLs[:min(1, len(a.URLs))], ""), e.URL}} {
		if one[2] != "" && one[1] != one[2] {
			return fmt.Sprintf("%s %s, and %s is asked for", one[0], orNone(one[1]), one[2])
		}
	}
	programs := slices.Compact(slices.Sorted(maps.Values(a.Bin)))
	wanted := slices.Compact(slices.Sorted(slices.Values(e.Bin)))
	switch {
	case len(a.Bin) == 0:
		return "without a program"
	case len(e.Bin) > 0 && !slices.Equal(programs, wanted):
		return fmt.Sprintf("with the programs %s, and %s are asked for", strings.Join(programs, ", "), strings.Join(wanted, ", "))
	case !slices.Equal(a.Keep, e.Keep):
		return fmt.Sprintf("with the files %s, and %s are asked for", orNone(strings.Join(a.Keep, ", ")), orNone(strings.Join(e.Keep, ", ")))
	}
	return ""
}

// ManagerKind is the kind of evidence that package.json has the hash of the
// package manager; its Key is that hash.
const ManagerKind = "package-manager"

// otherHash holds a package manager against the hash that package.json gives
// of it now: it must have been held against that very one.
func (w WantedSource) otherHash(a Artifact) string {
	hash := w.Hash
	if a.Package+"@"+a.Version != w.Manager {
		hash = "" // it is another package than package.json speaks of
	}
	kind, sum, _ := strings.Cut(hash, ".")
	own := map[string]string{"sha512": a.SHA512, "sha256": a.SHA256}[kind]
	if own != "" && own != sum {
		return fmt.Sprintf("with %s %s, and package.json says %s", kind, own, fault.Clip(sum, 128))
	}
	if held := a.managerHash(); held != hash {
		return fmt.Sprintf("held against the hash %s, and package.json says %s", orNone(held), orNone(fault.Clip(hash, 140)))
	}
	return ""
}

// managerHash is the hash in package.json that a was held against; empty: none.
func (a Artifact) managerHash() string {
	for _, e := range a.Evidence {
		if e.Kind == ManagerKind {
			return e.Key
		}
	}
	return ""
}
