package plan

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sandwright/sandwright/internal/config"
	"github.com/sandwright/sandwright/internal/lock"
	"github.com/sandwright/sandwright/internal/receipt"
	"github.com/sandwright/sandwright/internal/workspace"
)

// TestInputsOfScripts: a package's scripts see what a build step in its folder
// would, and what they name.
func TestInputsOfScripts(t *testing.T) {
	rest := []string{"*", "!apps", "!packages", "!tools"}
	own := []string{"!sandwright.yaml"}
	for name, c := range map[string]struct {
		scripts map[string][]string // folder -> what its scripts name
		want    []string
	}{
		"of a package":            {map[string][]string{"apps/web": nil}, []string{"apps/web", `packages/theme\[1]`, "packages/ui"}},
		"of several":              {map[string][]string{"apps/web": nil, "packages/ui": nil, "apps/api": nil}, []string{"apps/api", "apps/web", `packages/theme\[1]`, "packages/ui"}},
		"of the root":             {map[string][]string{".": nil}, []string{}},
		"of the root, with names": {map[string][]string{".": {"apps/api", "packages/x*.js", "scripts/a.js"}}, []string{"apps/api", `packages/x\*.js`, "scripts/a.js"}},
		"that name a package":     {map[string][]string{"apps/api": {"packages/ui"}}, []string{"apps/api", `packages/theme\[1]`, "packages/ui"}},
		"over all":                {map[string][]string{"apps/web": nil, ".": {"."}}, nil},
	} {
		ws := monorepo()
		for i, p := range ws.Packages {
			if reads, ok := c.scripts[p.Dir]; ok {
				ws.Packages[i].Hooks, ws.Packages[i].Reads = []string{"prepare"}, reads
			}
		}
		want := c.want
		if want != nil {
			want = slices.Concat(rest, want, own)
		}
		if diff := cmp.Diff(want, hookInputs(ws, ws, []string{"sandwright.yaml"})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	site := monorepo().Nested[0]
	site.Packages[0].Hooks, site.Packages[0].Reads = []string{"prepare"}, []string{"gen"}
	if diff := cmp.Diff(slices.Concat(rest, []string{"tools/site", "tools/site/gen"}), hookInputs(monorepo(), site, nil)); diff != "" {
		t.Errorf("nested (-want +got):\n%s", diff)
	}
}

// TestTheManifestOfScripts: the root's is no input as it stands where its scripts do not
// matter, and is told by field.
func TestTheManifestOfScripts(t *testing.T) {
	ws := monorepo()
	ws.Manager, ws.Packages[1].Hooks = workspace.Manager{Kind: workspace.PNPM, Name: "pnpm"}, []string{"prepare"}
	ws.Nested[0].Manager, ws.Nested[0].Packages[0].Hooks = ws.Manager, []string{"prepare"}
	seen := []byte(`{"name": "x", "scripts": {"prepare": "husky"}}`)
	ws.HooksSee, ws.Nested[0].HooksSee = map[string][]byte{".": seen, "packages/ui": seen, "apps/api": seen}, map[string][]byte{".": seen}
	f := &config.File{Workspace: config.Workspace{Nested: []config.Nested{{Dir: "tools/site"}}}}
	got := installs(f, Inputs{File: f, Workspace: ws, Lock: &lock.Lock{}})
	for i, want := range [][]string{{"package.json", "packages/ui/package.json"}, {"tools/site/package.json"}} { // nobody sees the api
		in := got[i]
		if names := slices.Sorted(maps.Keys(in.Manifests)); !slices.Equal(names, want) {
			t.Errorf("%q, %q", in.Inputs, names)
		}
		for _, name := range want {
			if string(in.Manifests[name]) != string(seen) || meets(name, in.Inputs) {
				t.Errorf("%s is in %q, and as %q", name, in.Inputs, in.Manifests[name])
			}
		}
	}
	s := sealer{p: Plan{Installs: got[:1]}}
	s.hooks(nil, nil)
	if l := s.out.Layers[0]; len(l.Files) != 3 || l.Files[1].Fields["scripts.prepare"] != "husky" || len(l.Files[2].Fields) != 1 {
		t.Errorf("%+v", l)
	}
	f.Workspace.HookInputs = []string{"*"}
	if got := installs(f, Inputs{File: f, Workspace: ws, Lock: &lock.Lock{}}); len(got[0].Manifests) > 0 || !slices.Equal(got[0].Inputs, []string{"*"}) {
		t.Errorf("what the file says does not hold: %q, %q", got[0].Inputs, got[0].Manifests)
	}
}

// TestScriptsByName: pnpm runs scripts of one stage by the names of their packages.
func TestScriptsByName(t *testing.T) {
	const run = " --config.enable-pre-post-scripts=false --stream run "
	for _, c := range []struct {
		packages []workspace.Package
		input    string
		want     string
	}{
		{[]workspace.Package{{Name: "top", Dir: "."}, {Name: "@w/a.b", Dir: "a", Hooks: []string{"prepare"}}, {Name: "c", Dir: "c", Hooks: []string{"prepare"}}}, "", "pnpm --filter=@w/a.b --filter=c" + run + "prepare"},
		{[]workspace.Package{{Name: "top", Dir: ".", Hooks: []string{"postinstall"}}}, "", "pnpm --filter=top --include-workspace-root" + run + "postinstall"},
		{[]workspace.Package{{Name: "a", Dir: "a", Hooks: []string{"prepare"}}, {Name: "c", Dir: "c", Hooks: []string{"postinstall"}}}, "", ""},
		{[]workspace.Package{{Name: "a", Dir: "a", Hooks: []string{"postinstall", "prepare"}}}, "", ""},
		{[]workspace.Package{{Name: "a", Dir: "a", Hooks: []string{"install"}}}, "", ""}, // of binding.gyp, perhaps
		{[]workspace.Package{{Name: "a", Dir: "a", Hooks: []string{"pnpm:devPreinstall"}}}, "", ""},
		{[]workspace.Package{{Name: "a", Dir: "a", Hooks: []string{"prepare"}}, {Name: "a", Dir: "b"}}, "", ""},
		{[]workspace.Package{{Dir: ".", Hooks: []string{"prepare"}}}, "", ""},
		{[]workspace.Package{{Name: "!a", Dir: "a", Hooks: []string{"prepare"}}}, "", ""},
		{[]workspace.Package{{Name: "a...", Dir: "a", Hooks: []string{"prepare"}}}, "", ""}, // and what it depends on
		{[]workspace.Package{{Name: "a", Dir: "a", Hooks: []string{"prepare"}}}, `{"dependenciesMeta": {"b": {"injected": true}}}`, ""},
		{[]workspace.Package{{Name: "a", Dir: "a", Hooks: []string{"prepare"}}}, "verifyDepsBeforeRun: error", ""},
	} {
		ws := &workspace.Workspace{Packages: c.packages, Inputs: []workspace.Input{{Path: "pnpm-lock.yaml", Data: []byte("injected")}, {Path: "pnpm-workspace.yaml", Data: []byte(c.input)}}}
		if got := strings.Join(pnpmRun(ws), " "); got != c.want {
			t.Errorf("%v: %q, want %q", c.packages, got, c.want)
		}
	}
}

// TestInputsOfScriptsAreSaid: what the file says holds, and where no scripts run
// nothing is read for them.
func TestInputsOfScriptsAreSaid(t *testing.T) {
	ws := monorepo()
	ws.Manager, ws.Nested[0].Manager = workspace.Manager{Kind: workspace.PNPM, Name: "pnpm"}, workspace.Manager{Kind: workspace.NPM, Name: "npm"}
	ws.Packages[0].Hooks, ws.Nested[0].Packages[0].Hooks = []string{"prepare"}, nil
	f := &config.File{Workspace: config.Workspace{Installing: config.Installing{HookInputs: []string{"db"}}, Nested: []config.Nested{{Dir: "tools/site"}}}}
	got := installs(f, Inputs{File: f, Workspace: ws, Lock: &lock.Lock{}})
	if diff := cmp.Diff([][]string{{"db"}, nil}, [][]string{got[0].Inputs, got[1].Inputs}); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestSealOfScripts: those that see a part of the source stand on the install and
// it alone, and steps with inputs on them; those that see all stand on all.
func TestSealOfScripts(t *testing.T) {
	p := newProject(t)
	made := Plan{
		Platform: "linux/amd64",
		Installs: []Install{
			{Dir: ".", Hooks: []string{"pnpm"}, Part: Part{Inputs: []string{"a"}, Content: receipt.SumOf([]byte("a")), Told: map[string]string{"a/x": "#1"}}},
			{Dir: "site", Hooks: []string{"npm"}, Part: Part{Inputs: []string{"site"}, Content: receipt.SumOf([]byte("site"))}},
		},
		Source: []SourceLayer{{Name: "root", Digest: receipt.SumOf([]byte("root"))}},
		Build:  []Step{{Run: "a", Part: Part{Inputs: []string{"a"}, Content: receipt.SumOf([]byte("b"))}}, {Run: "b"}},
	}
	seal := func() receipt.Receipt {
		return Seal(made, Contents{Lock: p.lock, Workspace: &workspace.Workspace{Dir: "."}, Raw: func(string) string { return "" }})
	}
	on := func(want map[string][]string) {
		t.Helper()
		for layer, below := range want {
			l, ok := seal().Layer(layer)
			if diff := cmp.Diff(below, l.On); !ok || diff != "" {
				t.Errorf("%s stands on (-want +got):\n%s", layer, diff)
			}
		}
	}
	site := "lifecycle scripts of site"
	on(map[string][]string{
		LayerHooks: {"install site"}, site: {"install site"}, "build 1": {"install site", LayerHooks, site}, "build 2": {"source root", LayerHooks, site, "build 1"},
	})
	before := seal()
	made.Installs[0].Content, made.Installs[0].Told = receipt.SumOf([]byte("edited")), map[string]string{"a/x": "#2"}
	var again []string
	for _, d := range Diff(before, seal()) {
		if d.Rebuilt {
			again = append(again, d.Layer)
		}
		if d.Layer == LayerHooks && (len(d.Causes) != 1 || d.Causes[0].String() != "a/x changed") {
			t.Errorf("the causes are %v", d.Causes)
		}
	}
	if diff := cmp.Diff([]string{LayerHooks, "build 1", "build 2", LayerServices}, again); diff != "" {
		t.Errorf("made again (-want +got):\n%s", diff)
	}
	made.Installs[1].Inputs = nil
	on(map[string][]string{site: {"source root", LayerHooks}, "build 1": {site}})
}

// TestSealOfFetching: what is fetched apart is a layer that no manifest decides, and
// the install stands on it.
func TestSealOfFetching(t *testing.T) {
	p := newProject(t)
	ws := &workspace.Workspace{Dir: ".", Inputs: []workspace.Input{{Path: "a/package.json", Data: []byte("{}"), Links: true}, {Path: "pnpm-lock.yaml", Data: []byte("x")}}}
	made := Plan{Platform: "linux/amd64", Installs: []Install{{Dir: ".", Fetch: []Command{{"f", []string{"pnpm", "fetch"}}}, Steps: []Command{{"i", []string{"pnpm", "install"}}}}}}
	seal := func() receipt.Receipt {
		return Seal(made, Contents{Lock: p.lock, Workspace: ws, Raw: func(string) string { return receipt.SumOf(nil) }})
	}
	before := seal()
	again := func() (out []string) {
		for _, d := range Diff(before, seal()) {
			if d.Rebuilt && d.Layer != LayerServices {
				out = append(out, d.Layer)
			}
		}
		return out
	}
	ws.Inputs[0].Data = []byte(`{"bin": "x"}`)
	if got := again(); !slices.Equal(got, []string{"install"}) {
		t.Errorf("for a manifest made again are %q", got)
	}
	ws.Inputs[1].Data = []byte("y")
	if got := again(); !slices.Equal(got, []string{"fetch", "install"}) {
		t.Errorf("for a lock file made again are %q", got)
	}
}

// TestExecutablesOfAPart: the commands that a part has are so, and no others.
func TestExecutablesOfAPart(t *testing.T) {
	in := inputs(t)
	in.Workspace.Commands = []string{"packages/ui/bin/x.js"}
	in.Workspace.Nested = []*workspace.Workspace{{Dir: "site", Commands: []string{"y.js"}}}
	in.File.Workspace.Nested = []config.Nested{{Dir: "site"}}
	p, err := Make(in)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ inputs, want []string }{
		{nil, []string{"packages/ui/bin/x.js", "site/y.js"}}, {[]string{"packages"}, []string{"packages/ui/bin/x.js"}}, {[]string{"*", "!packages"}, []string{"site/y.js"}}, {[]string{"apps"}, []string{}}, {[]string{"**/*.css", "packages/ui/bin/x.js/y"}, []string{}}, {[]string{"**/*.js", "!site"}, []string{"packages/ui/bin/x.js"}},
	} {
		if diff := cmp.Diff(c.want, p.ExecutableIn(Part{Inputs: c.inputs})); diff != "" {
			t.Errorf("of %q (-want +got):\n%s", c.inputs, diff)
		}
	}
}
