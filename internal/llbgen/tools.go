package llbgen

import (
	"fmt"

	"github.com/moby/buildkit/client/llb"

	"github.com/sandwright/sandwright/internal/plan"
)

// tools are the parts of the graph that do not depend on each other.
type tools struct {
	base   llb.State // with what installs and the user
	init   llb.State // the image of sandwright-init
	list   []plan.Tool
	layers map[string]llb.State // by tool; of those that base does not have
	checks []llb.State          // empty; each is there once its tool has been seen to run
}

func toolStates(p plan.Plan, l Layers) (tools, error) {
	store := llb.OCIStore("", l.Store)
	t := tools{base: system(p, l), list: p.Tools, layers: map[string]llb.State{}}
	t.init = llb.OCILayout(l.Init, store, llb.WithCustomName("sandwright-init"))
	for _, tool := range p.Tools {
		ref, ok := l.Tools[tool.Name]
		if !ok {
			return t, fmt.Errorf("no layer was made for tool %s", tool.Name)
		}
		if tool.Use != plan.UseInstall {
			t.layers[tool.Name] = llb.OCILayout(ref, store, llb.WithCustomName("tool "+tool.Name))
		}
	}
	for _, tool := range p.Tools {
		if len(tool.Check) > 0 && l.Runner.Base == "" {
			t.checks = append(t.checks, t.check(p, tool))
		}
	}
	return t, nil
}

// add copies the tools of one use over st. Unlike a merge, it leaves st and
// what follows one chain of layers.
func (t tools) add(st llb.State, use plan.Use) llb.State {
	for _, tool := range t.list {
		if tool.Use == use {
			st = st.File(llb.Copy(t.layers[tool.Name], "/", "/", &llb.CopyInfo{CopyDirContentsOnly: true}), llb.WithCustomName("add "+tool.Name))
		}
	}
	return st
}

// join lays the tools of the finished sandbox, and PID 1, over st. Nothing of
// st is touched, so that neither another tool nor another source costs more
// than links to the files of these.
func (t tools) join(st llb.State) llb.State {
	parts, names := []llb.State{st}, ""
	for _, tool := range t.list {
		if tool.Use == plan.UseRun {
			parts = append(parts, t.layers[tool.Name])
			names += tool.Name + ", "
		}
	}
	return llb.Merge(append(parts, t.init), llb.WithCustomName("add "+names+pid1))
}

// checkDone is where a check finds a folder for what it leaves: nothing.
const checkDone = "/run/sandwright-check"

// checkTool runs a tool's command. Where it does not run, the last line says
// what is missing by name: the program, what the kernel needs to start it, or
// its shared libraries. The loader's own message names one library only.
const checkTool = `
tool=$1
shift
said=$("$@" 2>&1 </dev/null) && { printf '%s: %s\n' "$tool" "$said"; exit 0; } || code=$?
printf '%s\n' "$said"
file=$(command -v -- "$1") || { echo "error: cannot run $1 of tool $tool: there is no such program on PATH"; exit 1; }
why="it ended with exit code $code: $(printf '%s\n' "$said" | tail -n 1)"
case $code,$said in
*"error while loading shared libraries: "*)
	missing=$(LD_TRACE_LOADED_OBJECTS=1 "$@" 2>/dev/null | sed -n 's/^[[:space:]]*\([^ ]*\) => not found.*/\1/p' | sort -u | tr '\n' ' ')
	[ -n "$missing" ] || missing=$(printf '%s\n' "$said" | sed -n 's/.*error while loading shared libraries: \([^:]*\):.*/\1 /p')
	why="it needs ${missing% }, which the box does not have" ;;
126,* | 127,*)
	needs=$(head -c 4096 "$file" | tr '\0' '\n' | LC_ALL=C grep -a -m 1 -o -e '^#! *[^ ]*' -e '^/lib[^ ]*/ld[^ ]*' | tr -d '#! ')
	[ -z "$needs" ] || [ -e "$needs" ] || why="it needs $needs, which the box does not have" ;;
esac
echo "error: cannot run $1 of tool $tool: $why"
exit 1
`

// check runs a tool as the sandbox's user would, on the base, node and the
// package manager, and gives a state without files. What the tool writes is
// thrown away.
func (t tools) check(p plan.Plan, tool plan.Tool) llb.State {
	st := t.base
	if tool.Use != plan.UseInstall {
		st = llb.Merge([]llb.State{st, t.layers[tool.Name]}, llb.WithCustomName("tool "+tool.Name+" alone"))
	}
	args := append([]string{"/bin/sh", "-uc", checkTool, "sh", tool.Name}, tool.Check...)
	run := st.Run(llb.Args(args), llb.Dir("/"), llb.User(fmt.Sprintf("%d:%d", p.User.UID, p.User.GID)),
		llb.AddEnv("CI", "true"), llb.AddEnv("NO_COLOR", "1"), llb.Network(llb.NetModeNone),
		llb.WithCustomName("check tool "+tool.Name))
	return run.AddMount(checkDone, llb.Scratch())
}

// passed makes a file operation wait for the checks. It copies nothing: they
// leave nothing, and so what they were does not reach the operation's cache key.
func (t tools) passed(file *llb.FileAction) *llb.FileAction {
	for _, check := range t.checks {
		file = file.Copy(check, "/*", "/", &llb.CopyInfo{AllowWildcard: true, AllowEmptyWildcard: true})
	}
	return file
}
