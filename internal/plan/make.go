package plan

import (
	"maps"
	"path"
	"slices"

	"github.com/sandwright/sandwright/internal/config"
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
	// Own are the file and its lock, where they stand in the workspace: no step
	// reads them that does not say so.
	Own []string
}

// Make decides everything. Its faults are of the file, all at once.
func Make(in Inputs) (Plan, error) {
	faults := slices.Concat(checkManagers(in.File, in.Workspace, in.Lock, in.Platform), checkFetch(in.File, in.Workspace, in.Lock, in.Platform),
		checkRuntimes(in.File, in.Workspace, in.Lock, in.Platform))
	if err := faults.Err(); err != nil {
		return Plan{}, err
	}
	f := in.File
	p := Plan{
		Name:     f.Name,
		Platform: in.Platform,
		Tools:    tools(f, in.Lock, in.Workspace, in.Platform),
		User:     spec.User{Name: f.User.Name, UID: f.User.UID, GID: f.User.UID, Home: f.User.Home},
		Target:   f.Workspace.Target,
		Installs: installs(f, in),
		Build:    steps(in),
		Git:      f.Git != "none",
		Env:      environment(f),
	}
	for _, ws := range in.Workspace.All() {
		for _, file := range ws.Commands {
			p.Executable = append(p.Executable, path.Join(ws.Dir, file))
		}
	}
	if slices.Contains(managers(in.Workspace), "pnpm") {
		maps.Copy(p.Env, pnpmEverywhere(in.Lock.Tools["pnpm"].Platforms[in.Platform].Version))
		if slices.ContainsFunc(in.Workspace.All(), func(ws *workspace.Workspace) bool { return ws.FetchesNode }) {
			p.Env[ownNode] = "false"
		}
	}
	p.Spec = specOf(f, p)
	for _, port := range f.Ports {
		p.Ports = append(p.Ports, Port(port))
	}
	return p, nil
}

// versions are those of the locked tools.
func versions(lk *lock.Lock, platform string) map[string]string {
	out := map[string]string{}
	for name, t := range lk.Tools {
		out[name] = t.Platforms[platform].Version
	}
	return out
}

// reads adds to env the values of the variables that are called names, and
// gives the names of those that are secret, sorted.
func reads(f *config.File, names []string, values, env map[string]string) (secret []string) {
	for _, name := range slices.Sorted(slices.Values(names)) {
		if f.Env[name].Secret {
			secret = append(secret, name)
		} else if value, ok := values[name]; ok {
			env[name] = value
		}
	}
	return secret
}

func environment(f *config.File) map[string]string {
	return map[string]string{
		"PATH": searchPath, "HOME": f.User.Home, "USER": f.User.Name, "LOGNAME": f.User.Name, "LANG": "C.UTF-8",
	}
}

// inTarget is where a service's dir stands in the box.
func inTarget(f *config.File, dir string) string { return path.Join(f.Workspace.Target, dir) }
