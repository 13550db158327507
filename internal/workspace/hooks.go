package workspace

import (
	"path"
	"slices"
	"strings"
)

// A stage of an install at which a package's own script runs, in the order in
// which they do.
func stages() []string {
	return []string{"pnpm:devPreinstall", "preinstall", "install", "postinstall", "prepublish", "preprepare", "prepare", "postprepare"}
}

// runs tells whether a package manager runs a stage when it installs.
func (k Kind) runs(stage string, root bool) bool {
	switch stage {
	case "pnpm:devPreinstall":
		return k == PNPM && root
	case "preprepare", "postprepare":
		return k == PNPM || k == NPM
	case "prepublish":
		return (k == NPM || k == YarnClassic) && root
	case "prepare":
		return k != Yarn
	}
	return true
}

// hooks gives the lifecycle scripts of a member that an install runs, sorted.
func (f *finder) hooks(m *manifest) []string {
	scripts := m.table("scripts")
	has := func(stage string) bool { text, _ := scripts[stage].(string); return text != "" }
	var hooks []string
	for _, stage := range stages() {
		switch {
		case !f.manages.Kind.runs(stage, m.dir == "."):
		case scripts[stage] == "npx only-allow "+f.manages.Name: // a common guard, which holds
		case has(stage), f.manages.Kind == PNPM && stage == "install" && !has("preinstall") && f.exists(path.Join(m.dir, "binding.gyp")):
			hooks = append(hooks, stage)
		}
	}
	slices.Sort(hooks)
	return hooks
}

// Ordered sorts stages as an install runs them.
func Ordered(hooks []string) []string {
	return slices.DeleteFunc(stages(), func(stage string) bool { return !slices.Contains(hooks, stage) })
}

// hookFiles adds the files of the tree that the hooks of a member name, and what
// those import, as they are.
func (f *finder) hookFiles(m *manifest) {
	files, _ := f.follow(f.namedFiles(m.dir, strings.Join(m.commandsOf(f.hooks(m)), "\n")))
	for _, p := range files {
		if data, ok := f.read(p); ok && path.Base(p) != manifestFile {
			f.inputs[p] = data
		}
	}
}

// inside tells whether p is below dir.
func inside(dir, p string) bool {
	return dir == "." && p != ".." && !strings.HasPrefix(p, "../") || strings.HasPrefix(p, dir+"/")
}
