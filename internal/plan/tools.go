package plan

import (
	"maps"
	"slices"

	"github.com/sandwright/sandwright/internal/config"
	"github.com/sandwright/sandwright/internal/lock"
	"github.com/sandwright/sandwright/internal/spec"
	"github.com/sandwright/sandwright/internal/workspace"
)

// tools are those of the lock, sorted by name.
func tools(f *config.File, lk *lock.Lock, ws *workspace.Workspace, platform string) []Tool {
	var out []Tool
	install := managers(ws)
	for _, name := range slices.Sorted(maps.Keys(lk.Tools)) {
		a := lk.Tools[name].Platforms[platform]
		out = append(out, Tool{Name: name, Tree: a.Tree, Check: checkOf(f.Tools[name], name, a), Use: useOf(f, name, install)})
	}
	return out
}

// checkOf is the command that shows that a tool runs: its own, or the program
// of its name, or else its first one, with --version.
func checkOf(t config.Tool, name string, a lock.Artifact) []string {
	if len(t.Check) > 0 {
		return t.Check
	}
	programs := slices.Sorted(maps.Keys(a.Bin))
	switch {
	case len(programs) == 0:
		return nil
	case slices.Contains(programs, name):
		return []string{name, "--version"}
	}
	return []string{programs[0], "--version"}
}

func useOf(f *config.File, name string, install []string) Use {
	names := func(s config.BuildStep) bool { return slices.Contains(s.Tools, name) }
	switch {
	case slices.Contains(install, name) || name == Node:
		return UseInstall
	case slices.ContainsFunc(f.Workspace.Build, names):
		return UseBuild
	}
	return UseRun
}

// Node is the tool that package managers, and tools written in JavaScript, run on.
const Node = "node"

// pinned is what the box's own check of its tools goes by.
func pinned(tools []Tool) []spec.Tool {
	var out []spec.Tool
	for _, t := range tools {
		out = append(out, spec.Tool{Name: t.Name, Tree: t.Tree})
	}
	return out
}
