package cli

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/tonistiigi/fsutil"

	"github.com/sandwright/sandwright/internal/config"
	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/llbgen"
	"github.com/sandwright/sandwright/internal/plan"
	"github.com/sandwright/sandwright/internal/stage"
	"github.com/sandwright/sandwright/internal/workspace"
)

// workspaceOptions are what the file says of its workspaces.
func workspaceOptions(f *config.File) workspace.Options {
	of := func(i config.Installing, keys ...string) workspace.Options {
		return workspace.Options{Manager: i.Manager, At: f.At(append(keys, "manager")...), HooksEarly: i.Hooks == "install"}
	}
	o := of(f.Workspace.Installing, "workspace")
	for i, n := range f.Workspace.Nested {
		one := of(n.Installing, "workspace", "nested", strconv.Itoa(i))
		one.Dir = n.Dir
		o.Nested = append(o.Nested, one)
	}
	return o
}

// managersOf reads the package managers of the workspaces, the root's first,
// without staging.
func managersOf(p project) ([]workspace.Manager, error) {
	root, err := os.OpenRoot(filepath.Join(p.dir, p.file.Workspace.Root))
	if err != nil {
		return nil, fault.Cannot("read the workspace: %w", err)
	}
	defer root.Close()
	return workspace.ManagersOf(root.FS(), workspaceOptions(p.file))
}

// checkTools says which programs an install needs that neither the file nor the
// repository names.
func checkTools(f *config.File, managers []workspace.Manager) error {
	tools := toolsOf(f, managers)
	return plan.CheckTools(f, managers, func(name string) bool {
		_, ok := tools[name]
		return ok
	}).Err()
}

// manifestTrees are the files of each install, as the graph names them.
func manifestTrees(ws *workspace.Workspace, owner stage.Options) map[string]fsutil.FS {
	trees := map[string]fsutil.FS{}
	for _, one := range ws.All() {
		fetched := slices.DeleteFunc(slices.Clone(one.Inputs), func(in workspace.Input) bool { return in.Links })
		trees[llbgen.ManifestsOf(one.Dir)], trees[llbgen.FetchedOf(one.Dir)] = stage.Files(one.Inputs, owner), stage.Files(fetched, owner)
	}
	return trees
}

// installSecrets are the variables that the configuration of the package
// managers names and the file declares for builds, and what npm's says for those
// that do not read it. A file of the repository may name any variable: what the
// file does not declare stays here, which the notices say.
func installSecrets(b blueprint, npm map[string][]byte) (out map[string][]byte, notices []string) {
	out = map[string][]byte{}
	for _, in := range b.plan.Installs {
		for _, name := range in.Variables {
			value, given := b.values.build[name]
			if given {
				out[name] = []byte(value)
			}
			_, declared := b.project.file.Env[name]
			_, of := npm[name]
			if _, set := os.LookupEnv(name); set && !declared && !of {
				notices = append(notices, fmt.Sprintf("the install does not see %s, which the package manager's configuration names; where it is to, add env: {%s: {secret: true, scope: build}}", name, name))
			}
		}
	}
	maps.Copy(out, npm)
	maps.Copy(out, b.values.buildSecrets)
	slices.Sort(notices)
	return out, slices.Compact(notices)
}

// installCredentials adds to the secrets that are known what an install is given
// to reach registries: those of its variables whose names say so, and npm's own.
func installCredentials(known map[string]string, install map[string][]byte) map[string]string {
	out := map[string]string{}
	for name, value := range install {
		words := strings.Split(strings.ToUpper(name), "_")
		if slices.ContainsFunc(words, func(w string) bool { return slices.Contains([]string{"TOKEN", "AUTH", "PASSWORD", "SECRET", "KEY"}, w) }) {
			out[name] = string(value)
		}
	}
	for line := range strings.Lines(string(install[llbgen.SecretNPMRC])) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		if slices.Contains([]string{"_authToken", "_auth", "_password"}, key[strings.LastIndexByte(key, ':')+1:]) {
			out["npmrc "+key] = value
		}
	}
	maps.Copy(out, known)
	return out
}

// blocked says of each workspace whose dependencies' install scripts do not run,
// which npm would run or name.
func blocked(ws *workspace.Workspace, f *config.File) (lines []string) {
	say := []config.Installing{f.Workspace.Installing}
	for _, n := range f.Workspace.Nested {
		say = append(say, n.Installing)
	}
	for i, one := range ws.All() {
		names := one.Blocked(slices.Concat(one.Built, say[i].AllowScripts))
		if len(names) == 0 {
			continue
		}
		where := "workspace"
		if one.Dir != "." {
			where = "workspace.nested of " + printable(one.Dir)
		}
		lines = append(lines, fmt.Sprintf("the install scripts of dependencies do not run: %s; if the box needs what one makes, name it in allow-scripts of %s",
			printable(strings.Join(names, ", ")), where))
	}
	return lines
}
