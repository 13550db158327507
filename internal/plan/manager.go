package plan

import (
	"bytes"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/sandwright/sandwright/internal/config"
	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/lock"
	"github.com/sandwright/sandwright/internal/semver"
	"github.com/sandwright/sandwright/internal/workspace"
)

// Package is the npm package of m's program, and what {arch} stands for in its
// name, by GOARCH; none for one that is not by platform.
func Package(m workspace.Manager) (name string, arch map[string]string) {
	switch m.Kind {
	case workspace.Yarn:
		return "@yarnpkg/cli-dist", nil
	case workspace.Bun:
		return "@oven/bun-linux-{arch}", map[string]string{"amd64": "x64", "arm64": "aarch64"}
	}
	return m.Name, nil
}

// checkManagers holds the repository to its own package managers: the version
// that packageManager names is the one that runs.
func checkManagers(f *config.File, ws *workspace.Workspace, lk *lock.Lock, platform string) fault.List {
	var faults fault.List
	var all []workspace.Manager
	for _, one := range ws.All() {
		if m := one.Manager; m.Name != "" {
			all = append(all, m)
			faults = append(faults, checkManager(f, m, lk.Tools[m.Name].Platforms[platform])...)
		}
	}
	return append(faults, CheckTools(f, all, func(name string) bool { return lk.Tools[name].Platforms[platform].Version != "" })...)
}

// CheckTools says which programs the installs of package managers need that are
// not there: neither a tool of their name nor a version in the repository.
func CheckTools(f *config.File, all []workspace.Manager, there func(tool string) bool) (faults fault.List) {
	needsNode := ""
	for _, m := range all {
		if m.Name != "" && !there(m.Name) && m.Version+m.Range == "" {
			faults = append(faults, m.At.Cannot("install with %s: package.json does not say which version, and no tool is called %s", m.Name, m.Name).
				WithHint(`add to sandwright.yaml, for instance: workspace: {manager: %s@%s}; or to package.json: "packageManager": "%s@VERSION"`, m.Name, m.Fits, m.Name))
		}
		if m.Name != "" && m.Kind != workspace.Bun && needsNode == "" {
			needsNode = m.Name
		}
	}
	if needsNode != "" && !there(Node) && !mayHaveNode(f.Base) {
		faults = append(faults, f.At("tools").Cannot("install the workspace: %s needs node, and no tool is called node", needsNode).
			WithHint(`add to tools: node: {npm: "node-linux-{arch}@VERSION", bin: [bin/node]}`))
	}
	return faults
}

// mayHaveNode tells whether the base has node, or is an image, of which nobody knows.
func mayHaveNode(b config.Base) bool {
	return b.Image+b.Layout != "" || slices.Contains(b.Debian.Packages, "nodejs")
}

// checkManager holds one tool against what the repository says of it.
func checkManager(f *config.File, m workspace.Manager, tool lock.Artifact) fault.List {
	pkg, _ := Package(m)
	asks := m.Version + m.Range
	switch {
	case tool.Version == "" && asks == "": // which CheckTools says
	case tool.Version == "":
		return fault.List{f.At("tools").Cannot("install the workspace: package.json asks for %s@%s and no tool is called %s", m.Name, asks, m.Name).
			WithHint("add to tools: %s: {npm: %q}", m.Name, pkg+"@"+asks)}
	case !allows(m, tool.Version):
		return fault.List{f.At("tools", m.Name).Cannot("install the workspace with %s %s: package.json asks for %s", m.Name, tool.Version, asks).
			WithHint("set the tool to %s@%s, then run: sandwright lock", pkg, asks)}
	case m.Name == "yarn" && strings.HasPrefix(tool.Version, "1.") != (m.Kind == workspace.YarnClassic):
		return fault.List{f.At("tools", m.Name).Cannot("install the workspace with yarn %s: yarn.lock is one of %s", tool.Version, m.Kind).
			WithHint("set the tool to %s@VERSION, then run: sandwright lock", pkg)}
	}
	return nil
}

// checkFetch refuses fetch: apart where the package manager has no command that
// fetches what the lock file says.
func checkFetch(f *config.File, ws *workspace.Workspace, lk *lock.Lock, platform string) (faults fault.List) {
	for i, one := range ws.All() {
		say, keys := f.Workspace.Installing, []string{"workspace"}
		if i > 0 {
			say, keys = f.Workspace.Nested[i-1].Installing, []string{"workspace", "nested", strconv.Itoa(i - 1)}
		}
		if say.Fetch == "apart" && one.Manager.Name != "" && one.Manager.Kind != workspace.PNPM {
			faults = append(faults, f.At(append(keys, "fetch")...).Cannot("fetch apart from the install: %s has no command that fetches from the lock file alone", one.Manager.Kind).
				WithHint("remove fetch: pnpm alone can"))
		}
		if v := lk.Tools["pnpm"].Platforms[platform].Version; say.Fetch == "apart" && major(v) >= 12 && patches(one) {
			faults = append(faults, f.At(append(keys, "fetch")...).Cannot("fetch apart from the install: %s patches a dependency, and pnpm %s would patch it twice", one.LockFile, v).
				WithHint("remove fetch"))
		}
		more := slices.IndexFunc(one.Inputs, func(in workspace.Input) bool { return path.Base(in.Path) == one.LockFile && in.Path != one.LockFile })
		if say.Fetch == "apart" && more >= 0 {
			faults = append(faults, f.At(append(keys, "fetch")...).Cannot("fetch apart from the install: %s is a lock file beside that of the root", one.Inputs[more].Path).
				WithHint("remove fetch, or set sharedWorkspaceLockfile: true in pnpm-workspace.yaml"))
		}
	}
	return faults
}

// patches tells whether pnpm's lock file has patches of dependencies.
func patches(ws *workspace.Workspace) bool {
	return slices.ContainsFunc(ws.Inputs, func(in workspace.Input) bool {
		return in.Path == ws.LockFile && bytes.Contains(in.Data, []byte("\npatchedDependencies:"))
	})
}

// allows tells whether a version is one that the repository asks for.
func allows(m workspace.Manager, version string) bool {
	if m.Range == "" {
		return m.Version == "" || m.Version == version
	}
	c, err := semver.ParseConstraint(m.Range)
	v, bad := semver.Parse(version)
	return err == nil && bad == nil && c.Allows(v)
}

// managers are the names of the programs that install.
func managers(ws *workspace.Workspace) (names []string) {
	for _, one := range ws.All() {
		if name := one.Manager.Name; name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}
