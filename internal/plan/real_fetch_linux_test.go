package plan

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sandwright/sandwright/internal/workspace"
)

// fetched are the inputs that fetching reads.
func fetched(ws *workspace.Workspace) []workspace.Input {
	return slices.DeleteFunc(slices.Clone(ws.Inputs), func(in workspace.Input) bool { return in.Links })
}

// apart fetches from the lock file alone; another machine, which has that layer and
// neither a store nor a network, links the manifests over it, also those that
// were edited since.
func apart(t *testing.T, i *installation) {
	own := *i
	own.t, own.say.Fetch = t, "apart"
	ws, in := own.plan()
	dir := t.TempDir()
	base := filepath.Join(dir, "fetched")
	for _, input := range fetched(ws) {
		write(t, base, input.Path, string(input.Data))
	}
	if _, err := os.Stat(filepath.Join(base, "apps")); err == nil {
		t.Error("fetching has a manifest of a package")
	}
	must(t, own.in(base, in, in.Fetch[0].Args))
	scripts := "ran-loc"
	if slices.Contains(in.Steps[0].Args, ignoreScripts) {
		scripts = "" // those that are allowed run after the install
	}
	if got := ran(t, base); got != scripts {
		t.Errorf("scripts of the fetch: %q", got)
	}

	must(t, os.Rename(i.store, i.store+" elsewhere"))
	defer func() {
		must(t, os.RemoveAll(i.store))
		must(t, os.Rename(i.store+" elsewhere", i.store))
	}()
	in.Env = maps.Clone(in.Env)
	for _, name := range []string{"npm_config_registry", "pnpm_config_registry"} {
		in.Env[name] = "http://127.0.0.1:1/"
	}
	link := func(name string, ws *workspace.Workspace) string {
		at := filepath.Join(dir, name)
		must(t, run(t, dir, nil, "cp", "-a", base, at))
		for _, input := range ws.Inputs {
			write(t, at, input.Path, string(input.Data))
		}
		for _, step := range in.Steps {
			must(t, own.in(at, in, step.Args))
		}
		return at
	}
	if diff := cmp.Diff(modulesOf(t, i.whole), modulesOf(t, link("linked", ws))); diff != "" {
		t.Errorf("(-whole +fetched and linked):\n%s", diff)
	}

	manifest := filepath.Join(i.whole, "packages/lib/package.json")
	was, err := os.ReadFile(manifest)
	must(t, err)
	defer func() { must(t, os.WriteFile(manifest, was, 0o644)) }()
	must(t, os.WriteFile(manifest, []byte(`{"name": "@w/lib", "version": "2.3.4", "main": "index.js", "bin": {"other-tool": "bin/tool.js"}, "dependencies": {"ms": "2.1.3"}}`), 0o644))
	edited, _ := own.plan()
	if !cmp.Equal(fetched(ws), fetched(edited)) || cmp.Equal(ws.Inputs, edited.Inputs) {
		t.Error("a manifest is read by fetching, or not by linking")
	}
	if _, err := os.Stat(filepath.Join(link("edited", edited), "apps/web/node_modules/.bin/other-tool")); err != nil {
		t.Errorf("the command is not linked by its new name: %v", err)
	}
}
