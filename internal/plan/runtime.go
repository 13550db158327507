package plan

import (
	"slices"
	"strings"

	"github.com/sandwright/sandwright/internal/config"
	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/lock"
	"github.com/sandwright/sandwright/internal/semver"
	"github.com/sandwright/sandwright/internal/workspace"
)

// checkRuntimes holds the box's runtimes, which are tools, against those that the
// repository asks for: one of each list has to be there. It is no fault where the
// repository says that another one does, or pnpm is asked to bring its own.
func checkRuntimes(f *config.File, ws *workspace.Workspace, lk *lock.Lock, platform string) (faults fault.List) {
	for _, one := range ws.All() {
		for _, list := range one.Runtimes {
			version := func(r workspace.Runtime) string { return lk.Tools[r.Name].Platforms[platform].Version }
			met := func(r workspace.Runtime) bool {
				return !r.Must || version(r) != "" && within(r.Range, version(r)) || r.Download && brings(one, lk, platform)
			}
			if slices.ContainsFunc(list, met) {
				continue
			}
			var asks []string
			for _, r := range list {
				asks = append(asks, strings.TrimSpace(r.Name+" "+r.Range))
			}
			first := list[0]
			x := first.At.Cannot("run the workspace: it asks for %s, and no tool is called %s", strings.Join(asks, " or "), first.Name)
			if v := version(first); v != "" {
				x = first.At.Cannot("run the workspace: it asks for %s, and the tool %s is %s", strings.Join(asks, " or "), first.Name, v)
			}
			faults = append(faults, x.WithHint("set the tool %s in %s to such a version, then run: sandwright lock", first.Name, f.Path))
		}
	}
	return faults
}

// brings tells whether the package manager installs runtimes, from its own lock file.
func brings(ws *workspace.Workspace, lk *lock.Lock, platform string) bool {
	if ws.Manager.Kind != workspace.PNPM {
		return false
	}
	return within(">=10.14.0", lk.Tools["pnpm"].Platforms[platform].Version)
}

// within tells whether a version is in a range. A range that cannot be read, such as
// lts, is the package manager's to judge.
func within(text, version string) bool {
	if text == "" {
		return true
	}
	c, err := semver.ParseConstraint(text)
	v, bad := semver.Parse(version)
	return err != nil || bad == nil && c.Allows(v)
}
