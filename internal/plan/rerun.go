package plan

import (
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/sandwright/sandwright/internal/receipt"
	"github.com/sandwright/sandwright/internal/workspace"
)

// SourceDate is the time that programs write into what build steps make: the
// first of 1980, which a zip can hold, in seconds since 1970.
const SourceDate = "315532800"

// Everywhere is what every step of a build has in its environment.
func Everywhere() map[string]string { return map[string]string{"CI": "true", "NO_COLOR": "1"} }

// rerun is a command of an install as a box runs it again.
func (in Install) rerun(argv []string) receipt.Step {
	return rerunOf(argv, in.Dir, in.Env, in.Secrets)
}

func (in Install) rerunAll(commands []Command) (out []receipt.Step) {
	for _, c := range commands {
		out = append(out, in.rerun(c.Args))
	}
	return out
}

// rerun is the step as a box runs it again.
func (s Step) rerun() receipt.Step {
	env := map[string]string{"SOURCE_DATE_EPOCH": SourceDate}
	maps.Copy(env, s.Env)
	return rerunOf(s.Shell(), s.Dir, env, s.Secrets)
}

// rerunOf is what the receipt says of a step. A value that may hold a password,
// as that of an address with a user, stays out of the image as a secret does.
func rerunOf(argv []string, dir string, env map[string]string, secrets []string) receipt.Step {
	out := receipt.Step{Argv: argv, Env: Everywhere(), Needs: slices.Clone(secrets)}
	if dir = path.Clean(dir); dir != "." {
		out.Dir = dir
	}
	for name, value := range env {
		if strings.Contains(value, "://") && strings.Contains(value, "@") {
			out.Needs = append(out.Needs, name)
		} else {
			out.Env[name] = value
		}
	}
	slices.Sort(out.Needs)
	return out
}

// leaves are the paths that the install of a workspace leaves for sure, in a tree
// that has the files: its node_modules, where the root's manifest has dependencies
// and nothing says that they go elsewhere or stay away. Of others nothing is said.
func leaves(in Install, ws *workspace.Workspace, files []receipt.File) []string {
	if ws.PlugAndPlay || in.Env["NODE_ENV"] == "production" {
		return nil
	}
	depends := false
	for _, f := range files {
		if elsewhere(f) {
			return nil
		}
		for name := range f.Fields {
			depends = depends || f.Path == path.Join(in.Dir, "package.json") &&
				(strings.HasPrefix(name, "dependencies.") || strings.HasPrefix(name, "devDependencies."))
		}
	}
	if !depends {
		return nil
	}
	return []string{path.Join(in.Dir, "node_modules")}
}

// elsewhere tells whether a file of settings says that an install makes no
// node_modules, or may make none.
func elsewhere(f receipt.File) bool {
	if f.Kind == receipt.Said || path.Ext(f.Path) == ".json" {
		return false
	}
	for name, value := range f.Fields {
		switch strings.ReplaceAll(strings.ToLower(name), "-", "") {
		case "modulesdir", "omit", "production", "only":
			return true
		case "nodelinker":
			return value == "pnp"
		}
	}
	return false
}
