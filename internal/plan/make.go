package plan

import (
	"path"
	"slices"

	"github.com/sandwright/sandwright/internal/config"
	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/lock"
	"github.com/sandwright/sandwright/internal/spec"
	"github.com/sandwright/sandwright/internal/workspace"
)

// searchPath is Debian's for root, so that a box behaves as a login there does.
const searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Inputs are what a plan is made from.
type Inputs struct {
	File      *config.File
	Workspace *workspace.Workspace
	Lock      *lock.Lock
	Platform  string
	BuildEnv  map[string]string // resolved build-scoped variables that are not secret
}

// Make decides everything. Its faults are of the file, all at once.
func Make(in Inputs) (Plan, error) {
	faults := checkManager(in.File, in.Workspace, in.Lock, in.Platform)
	if err := faults.Err(); err != nil {
		return Plan{}, err
	}
	f := in.File
	p := Plan{
		Name:     f.Name,
		Platform: in.Platform,
		Tools:    tools(f, in.Lock, in.Workspace.Manager.Name, in.Platform),
		User:     spec.User{Name: f.User.Name, UID: f.User.UID, GID: f.User.UID, Home: f.User.Home},
		Target:   f.Workspace.Target,
		Install:  installCommand(),
		Hooks:    hooks(in.Workspace),
		Build:    steps(f, in.BuildEnv),
		Git:      f.Git != "none",
		Env:      environment(f),
	}
	p.Spec = specOf(f, p)
	for _, port := range f.Ports {
		p.Ports = append(p.Ports, Port(port))
	}
	return p, nil
}

// checkManager holds the repository to its own package manager: the version
// that packageManager names is the one that runs.
func checkManager(f *config.File, ws *workspace.Workspace, lk *lock.Lock, platform string) fault.List {
	var faults fault.List
	manager := ws.Manager.Name
	tool, ok := lk.Tools[manager].Platforms[platform]
	switch {
	case !ok:
		faults = append(faults, f.At("tools").Cannot("install the workspace: package.json asks for %s@%s and no tool is called %s",
			manager, ws.Manager.Version, manager).WithHint("add to tools: %s: {npm: %s@%s}", manager, manager, ws.Manager.Version))
	case tool.Version != ws.Manager.Version:
		faults = append(faults, f.At("tools", manager).Cannot("install the workspace with %s %s: package.json asks for %s",
			manager, tool.Version, ws.Manager.Version).WithHint("set the tool to %s@%s, then run: sandwright lock", manager, ws.Manager.Version))
	}
	if _, ok := lk.Tools["node"].Platforms[platform]; !ok {
		faults = append(faults, f.At("tools").Cannot("install the workspace: %s needs node, and no tool is called node", manager).
			WithHint(`add to tools: node: {npm: "node-linux-{arch}@VERSION", bin: [bin/node]}`))
	}
	return faults
}

// StoreDir is where pnpm's content store is mounted while an install runs.
const StoreDir = "/var/cache/sandwright/pnpm"

func installCommand() []string {
	return []string{"pnpm", "install", "--frozen-lockfile", "--prefer-offline", "--store-dir=" + StoreDir}
}

func hooks(ws *workspace.Workspace) bool {
	return slices.ContainsFunc(ws.Packages, func(p workspace.Package) bool { return len(p.Hooks) > 0 })
}

func steps(f *config.File, values map[string]string) []Step {
	var out []Step
	for _, b := range f.Workspace.Build {
		s := Step{Run: b.Run, Network: b.Network, Env: map[string]string{}}
		for _, name := range slices.Sorted(slices.Values(b.Env)) {
			if f.Env[name].Secret {
				s.Secrets = append(s.Secrets, name)
			} else if value, ok := values[name]; ok {
				s.Env[name] = value
			}
		}
		out = append(out, s)
	}
	return out
}

func environment(f *config.File) map[string]string {
	return map[string]string{
		"PATH": searchPath, "HOME": f.User.Home, "USER": f.User.Name, "LOGNAME": f.User.Name, "LANG": "C.UTF-8",
	}
}

// inTarget is where a service's dir stands in the box.
func inTarget(f *config.File, dir string) string { return path.Join(f.Workspace.Target, dir) }
