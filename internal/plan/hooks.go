package plan

import (
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/moby/patternmatcher"

	"github.com/sandwright/sandwright/internal/workspace"
)

// hooks decides how the workspace's own lifecycle scripts run. With the install,
// pnpm, yarn and bun run them themselves, as the manifests then hold them.
func (in *Install) hooks(ws *workspace.Workspace, early bool, version string) {
	kind := ws.Manager.Kind
	script := hookScript(ws)
	switch {
	case script == "":
	case early && (kind == workspace.NPM || kind == workspace.YarnClassic):
		in.Steps = append(in.Steps, Command{HooksStep, []string{"/bin/sh", "-ec", script}})
	case early && slices.Contains(in.Steps[0].Args, ignoreScripts):
		in.Steps = append(in.Steps, Command{HooksStep, pnpmHooks(in.Steps[0].Args, version)})
	case early:
	case kind == workspace.PNPM:
		if in.Hooks = pnpmRun(ws); in.Hooks == nil {
			in.Hooks = pnpmHooks(in.Steps[0].Args, version)
		}
	default:
		in.Hooks = []string{"/bin/sh", "-ec", script}
	}
}

// pnpmRun runs the scripts of the workspace's own packages by their names: an install
// that finds nothing to install takes seconds in a large workspace, and gives each
// launcher its mode anew, which makes a layer of it. It is nil where only an install does
// it as an install does: where there are several stages, which go package by package, or
// packages are copied into others, and copied once more after their scripts, or
// pnpm is asked to compare what was installed, which knew no versions, before a script.
func pnpmRun(ws *workspace.Workspace) []string {
	name := regexp.MustCompile(`^(?:@[\w-]+(?:\.[\w-]+)*/)?[\w-]+(?:\.[\w-]+)*$`) // which a filter takes for no more than that
	asks := regexp.MustCompile(`(?i)inject|verify-?deps`)
	args, stage, all := []string{"pnpm"}, "", map[string]int{}
	for _, p := range ws.Packages {
		all[p.Name]++
	}
	for _, p := range ws.Packages {
		if len(p.Hooks) == 0 {
			continue
		}
		if stage == "" {
			stage = p.Hooks[0]
		}
		if !slices.Equal(p.Hooks, []string{stage}) || !slices.Contains([]string{"preinstall", "postinstall", "prepare"}, stage) || all[p.Name] > 1 || !name.MatchString(p.Name) {
			return nil
		}
		if args = append(args, "--filter="+p.Name); p.Dir == "." {
			args = append(args, "--include-workspace-root") // up to 10 no filter names it without
		}
	}
	for _, in := range ws.Inputs {
		if slices.Contains([]string{"package.json", "pnpm-workspace.yaml", ".npmrc"}, path.Base(in.Path)) && asks.Match(in.Data) {
			return nil
		}
	}
	return append(args, "--config.enable-pre-post-scripts=false", "--stream", "run", stage)
}

// pnpmHooks is the install once more, which finds nothing to install and runs
// the scripts of the workspace's own packages. Where it was told to run none, it
// is told now to run none of dependencies; elsewhere, not to end at once where
// nothing is to be installed, as pnpm 11 does, scripts and all. It is not told to
// be offline: pnpm passes that on, and what a script runs by npx or pnpm dlx would
// be, too. So pnpm 11 is told not to ask about the lock file again.
func pnpmHooks(install []string, version string) []string {
	args := slices.Clone(install)
	if i := slices.Index(args, "--offline"); i >= 0 {
		args[i] = "--prefer-offline"
	}
	if major(version) >= 11 && !slices.Contains(args, trustLockfile) {
		args = append(args, trustLockfile)
	}
	if i := slices.Index(args, ignoreScripts); i >= 0 {
		args[i] = "--config.ignore-dep-scripts=true"
		return args
	}
	return append(args, "--config.optimistic-repeat-install=false")
}

// sees decides what lifecycle scripts see.
func (in *Install) sees(root, ws *workspace.Workspace, own []string) {
	in.Inputs, in.Manifests = hookInputs(root, ws, own), map[string][]byte{}
	part, err := patternmatcher.New(in.Inputs)
	if err != nil {
		return // the scripts see the manifests as they stand
	}
	for _, dir := range slices.Sorted(maps.Keys(ws.HooksSee)) {
		name := path.Join(ws.Dir, dir, "package.json")
		if seen, err := part.MatchesOrParentMatches(name); seen && err == nil {
			in.Inputs, in.Manifests[name] = append(in.Inputs, "!"+literal(name)), ws.HooksSee[dir]
		}
	}
}

// hookInputs are patterns of what lifecycle scripts see: what build steps in the
// folders of their packages would, and what they name. None is all of the
// workspace, where one of them runs over it as a whole.
func hookInputs(root, ws *workspace.Workspace, own []string) []string {
	var of []workspace.Package
	var names []string
	byDir := map[string]workspace.Package{}
	for _, p := range ws.Packages {
		byDir[p.Dir] = p
	}
	for _, p := range ws.Packages {
		if len(p.Hooks) == 0 {
			continue
		}
		of = append(of, p)
		for _, name := range p.Reads {
			if name == "." {
				return nil
			}
			if member, ok := byDir[name]; ok {
				of = append(of, member)
			} else {
				names = append(names, literal(path.Join(ws.Dir, name)))
			}
		}
	}
	patterns := append(outside(root), withDependencies(ws, of...)...)
	slices.Sort(names)
	return besideOwn(append(patterns, slices.Compact(names)...), own)
}

// HooksStep is the name of the step that runs the workspace's own lifecycle
// scripts.
const HooksStep = "run the workspace's lifecycle scripts"

// hookScript runs the scripts one by one: what comes before the root's install,
// the members' after those of the members that they depend on, and the root's.
func hookScript(ws *workspace.Workspace) string {
	var lines []string
	run := func(p workspace.Package, stages ...string) {
		for _, stage := range stages {
			lines = append(lines, "(cd "+ShellText(p.Dir)+" && "+ws.Manager.Name+" run "+stage+")\n")
		}
	}
	for _, p := range inOrder(ws.Packages) {
		if p.Dir != "." {
			run(p, workspace.Ordered(p.Hooks)...)
			continue
		}
		stages := workspace.Ordered(p.Hooks)
		if len(stages) > 0 && stages[0] == "preinstall" {
			after := lines
			lines, stages = nil, stages[1:]
			run(p, "preinstall")
			lines = append(lines, after...)
		}
		run(p, stages...)
	}
	return strings.Join(lines, "")
}

// inOrder sorts packages so that each comes after those it depends on; a cycle
// is cut where it is met. The root comes last.
func inOrder(packages []workspace.Package) []workspace.Package {
	byName := map[string]int{}
	for i, p := range packages {
		byName[p.Name] = i
	}
	var out []workspace.Package
	done := make([]bool, len(packages))
	var visit func(i int)
	visit = func(i int) {
		if done[i] {
			return
		}
		done[i] = true
		for _, name := range packages[i].Depends {
			if j, ok := byName[name]; ok && packages[j].Dir != "." {
				visit(j)
			}
		}
		out = append(out, packages[i])
	}
	for i, p := range packages {
		if p.Dir != "." {
			visit(i)
		}
	}
	for i, p := range packages {
		if p.Dir == "." {
			visit(i)
		}
	}
	return out
}
