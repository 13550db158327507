package cli

import (
	"maps"
	"os"
	"path/filepath"
	"strconv"

	"github.com/tonistiigi/fsutil"

	"github.com/sandwright/sandwright/internal/config"
	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/fetch"
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

// manifestTrees are the files of each install, as the graph names them.
func manifestTrees(ws *workspace.Workspace, owner stage.Options) map[string]fsutil.FS {
	trees := map[string]fsutil.FS{}
	for _, one := range ws.All() {
		trees[llbgen.ManifestsOf(one.Dir)] = stage.Files(one.Inputs, owner)
	}
	return trees
}

// installSecrets are the variables that the configuration of the package
// managers names and this environment has, and what npm's says for those that do
// not read it.
func installSecrets(p plan.Plan, npm *fetch.NPM, known map[string][]byte) map[string][]byte {
	out := map[string][]byte{}
	for _, in := range p.Installs {
		for _, name := range in.Variables {
			if value, ok := os.LookupEnv(name); ok {
				out[name] = []byte(value)
			}
		}
	}
	maps.Copy(out, npm.Variables())
	maps.Copy(out, known)
	return out
}
