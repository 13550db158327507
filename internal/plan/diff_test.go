package plan

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sandwright/sandwright/internal/config"
	"github.com/sandwright/sandwright/internal/lock"
	"github.com/sandwright/sandwright/internal/receipt"
	"github.com/sandwright/sandwright/internal/workspace"
)

// A project is what a receipt is made of, in the form in which it is edited.
type project struct {
	file       string
	manifests  map[string]string // normalised
	raw        map[string]string // as they stand, where that is something else
	folders    map[string]string
	repository map[string]string
	lock       *lock.Lock
	hooks      bool
	init       string
}

func newProject(t *testing.T) *project {
	pin := func(version, tree string) lock.Tool {
		return lock.Tool{Platforms: map[string]lock.Artifact{"linux/amd64": {Version: version, Tree: strings.Repeat(tree, 32), Bin: map[string]string{"x": "x"}}}}
	}
	text := strings.Replace(file, "tools:\n", "tools:\n  gh: {npm: gh@2.0.0}\n  sass: {npm: sass@1.0.0}\n", 1)
	text = strings.Replace(text, "run: pnpm fonts", "run: pnpm fonts, tools: [sass]", 1)
	return &project{
		file: text,
		manifests: map[string]string{
			"package.json":          `{"name":"demo","packageManager":"pnpm@10.28.0"}`,
			"apps/web/package.json": `{"name":"web","dependencies":{"zod":"^3.1"}}`,
			"pnpm-lock.yaml":        "lockfileVersion: '9.0'\npackages:\n  zod@3.1.0:\n    resolution: {}\n",
			"bin/cli.js":            "#!/usr/bin/env node\n",
		},
		raw:        map[string]string{"bin/cli.js": "#!/usr/bin/env node\nrun()\n", "apps/web/package.json": "{ as it stands }"},
		folders:    map[string]string{"root": "root", "apps/web": "web"},
		repository: map[string]string{"HEAD": "#11111111", "index": "#22222222"},
		lock: &lock.Lock{
			Base: lock.Base{Source: "debian:bookworm", Systems: map[string]lock.System{"linux/amd64": {Packages: []lock.Deb{
				{Name: "git", Version: "1:2.39.5", SHA256: strings.Repeat("a", 64)},
				{Name: "tzdata", Version: "2024a", SHA256: strings.Repeat("b", 64)},
			}}}},
			Tools: map[string]lock.Tool{"pnpm": pin("10.28.0", "aa"), "node": pin("22.23.3", "bb"), "gh": pin("2.0.0", "cc"), "sass": pin("1.0.0", "dd")},
		},
		init: strings.Repeat("e", 64),
	}
}

func (p *project) seal(t *testing.T) receipt.Receipt {
	t.Helper()
	f, err := config.Parse("sandwright.yaml", []byte(p.file))
	if err != nil {
		t.Fatal(err)
	}
	ws := &workspace.Workspace{Dir: ".", LockFile: "pnpm-lock.yaml", Manager: workspace.Manager{Name: "pnpm", Kind: workspace.PNPM, Version: p.lock.Tools["pnpm"].Platforms["linux/amd64"].Version}}
	if p.hooks {
		ws.Packages = []workspace.Package{{Dir: ".", Hooks: []string{"prepare"}}}
	}
	for _, name := range slices.Sorted(maps.Keys(p.manifests)) {
		ws.Inputs = append(ws.Inputs, workspace.Input{Path: name, Data: []byte(p.manifests[name])})
	}
	made, err := Make(Inputs{
		File: f, Workspace: ws, Lock: p.lock, Platform: "linux/amd64", BuildEnv: map[string]string{"API_URL": "https://api.example"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range slices.Sorted(maps.Keys(p.folders)) {
		made.Source = append(made.Source, SourceLayer{Name: dir, Digest: receipt.SumOf([]byte(p.folders[dir]))})
	}
	for i := range made.Build {
		if len(made.Build[i].Inputs) > 0 {
			made.Build[i].Content = made.Source[0].Digest
		}
	}
	return Seal(made, Contents{
		Lock: p.lock, Workspace: ws, Repository: p.repository, Init: p.init,
		Raw: func(name string) string {
			if raw, ok := p.raw[name]; ok {
				return receipt.SumOf([]byte(raw))
			}
			return receipt.SumOf([]byte(p.manifests[name]))
		},
	})
}

func (p *project) replace(t *testing.T, from, to string) {
	t.Helper()
	if !strings.Contains(p.file, from) {
		t.Fatalf("no %q", from)
	}
	p.file = strings.Replace(p.file, from, to, 1)
}

// edits are changes of a project: one of each kind, and what must change nothing.
func edits() []struct {
	name string
	edit func(*testing.T, *project)
} {
	type edit = func(*testing.T, *project)
	text := func(from, to string) edit { return func(t *testing.T, p *project) { p.replace(t, from, to) } }
	tool := func(name, version string) edit {
		return func(_ *testing.T, p *project) {
			a := p.lock.Tools[name].Platforms["linux/amd64"]
			a.Version, a.Tree = version, strings.Repeat("9", 64)
			p.lock.Tools[name] = lock.Tool{Platforms: map[string]lock.Artifact{"linux/amd64": a}}
		}
	}
	return []struct {
		name string
		edit edit
	}{
		{"nothing", func(*testing.T, *project) {}},
		{"a package of the base", func(_ *testing.T, p *project) { p.lock.Base.Systems["linux/amd64"].Packages[0].Version = "1:2.39.6" }},
		{"the base is an image", func(_ *testing.T, p *project) {
			p.lock.Base = lock.Base{Source: "oci:library/debian:12", Systems: map[string]lock.System{"linux/amd64": {Image: strings.Repeat("f", 64)}}}
		}},
		{"node", tool("node", "22.24.0")},
		{"a tool of a build step", tool("sass", "1.0.1")},
		{"a tool of the box", tool("gh", "2.1.0")},
		{"a tool less", func(t *testing.T, p *project) {
			p.replace(t, "  gh: {npm: gh@2.0.0}\n", "")
			delete(p.lock.Tools, "gh")
		}},
		{"the check of a tool", text("gh: {npm: gh@2.0.0}", "gh: {npm: gh@2.0.0, check: [gh, help]}")},
		{"the user", text("uid: 1001", "uid: 1002")},
		{"the target", text("target: /srv/app", "target: /srv/other")},
		{"a dependency", func(_ *testing.T, p *project) {
			p.manifests["apps/web/package.json"] = `{"name":"web","dependencies":{"zod":"^3.2"}}`
			p.manifests["pnpm-lock.yaml"] = "lockfileVersion: '9.0'\npackages:\n  zod@3.2.0:\n    resolution: {}\n"
			p.folders["apps/web"] = "web with zod 3.2"
		}},
		{"scripts of a manifest, which are no part of an install", func(_ *testing.T, p *project) {
			p.raw["apps/web/package.json"], p.folders["apps/web"] = "{ with scripts }", "web with scripts"
		}},
		{"what runs a command", func(_ *testing.T, p *project) { p.manifests["bin/cli.js"] = "#!/usr/bin/env bun\n" }},
		{"an .npmrc", func(_ *testing.T, p *project) { p.manifests[".npmrc"] = "node-linker=hoisted\n" }},
		{"a source file", func(_ *testing.T, p *project) { p.folders["apps/web"] = "web, edited" }},
		{"a package more", func(_ *testing.T, p *project) { p.folders["apps/new"] = "new" }},
		{"lifecycle scripts", func(_ *testing.T, p *project) { p.hooks = true }},
		{"a build step", text("run: pnpm build", "run: pnpm build --minify")},
		{"the network of a build step", text("fonts, tools: [sass], network: true", "fonts, tools: [sass]")},
		{"a build step more", text("tools:\n", "    - run: echo done\ntools:\n")},
		{"inputs of a build step", text("run: pnpm fonts, tools: [sass]", "run: pnpm fonts, inputs: [fonts], tools: [sass]")},
		{"a commit", func(_ *testing.T, p *project) { p.repository["HEAD"] = "#33333333" }},
		{"no repository", text("name: demo\n", "name: demo\ngit: none\n")},
		{"a command of a service", text("command: [node, main.js]", "command: [node, other.js]")},
		{"a service more", text("services:\n", "services:\n  cron: {command: [cron]}\n")},
		{"a default of a variable", text("default: info", "default: debug")},
		{"another sandwright-init", func(_ *testing.T, p *project) { p.init = strings.Repeat("0", 64) }},
	}
}

// TestDiff writes what each edit of a project makes again, and why.
func TestDiff(t *testing.T) {
	var text strings.Builder
	all := map[string][]Difference{}
	for _, tt := range edits() {
		p := newProject(t)
		before := p.seal(t)
		tt.edit(t, p)
		diff := Diff(before, p.seal(t))
		fmt.Fprintf(&text, "%s:\n", tt.name)
		for _, d := range diff {
			if !d.Rebuilt {
				continue
			}
			all[tt.name] = append(all[tt.name], d)
			var why []string
			for _, c := range d.Causes {
				why = append(why, c.String())
			}
			if d.After != "" {
				why = append(why, "after "+d.After)
			}
			fmt.Fprintf(&text, "  %s: %s\n", d.Layer, strings.Join(why, "; "))
		}
	}
	goldenFile(t, "diff.txt", text.String())
	data, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	goldenFile(t, "diff.json", string(data)+"\n")
}

// A step with inputs is not made again for what it does not see.
func TestDiffOfAStepWithInputs(t *testing.T) {
	p := newProject(t)
	p.replace(t, "run: pnpm fonts, tools: [sass]", "run: pnpm fonts, inputs: [apps/web], tools: [sass]")
	p.replace(t, "- run: pnpm build\n", "- run: pnpm build\n      outputs: [dist]\n")
	before := p.seal(t)
	for folder, want := range map[string]string{"root": "build 1", "apps/web": "build 1, build 2"} {
		was := p.folders[folder]
		p.folders[folder] = "edited"
		var again []string
		for _, d := range Diff(before, p.seal(t)) {
			if d.Rebuilt && strings.HasPrefix(d.Layer, "build") {
				again = append(again, d.Layer)
			}
		}
		if got := strings.Join(again, ", "); got != want {
			t.Errorf("%s: made again are %s, want %s", folder, got, want)
		}
		p.folders[folder] = was
	}
}

// Two seals of one project are one, and nothing secret is in any.
func TestSeal(t *testing.T) {
	data, err := receipt.Encode(newProject(t).seal(t))
	if err != nil {
		t.Fatal(err)
	}
	again, err := receipt.Encode(newProject(t).seal(t))
	if err != nil {
		t.Fatal(err)
	}
	if string(data) != string(again) {
		t.Error("two seals of one project differ")
	}
	if _, err := receipt.Decode(data); err != nil {
		t.Error(err)
	}
	var pretty any
	if err := json.Unmarshal(data, &pretty); err != nil {
		t.Fatal(err)
	}
	text, err := json.MarshalIndent(pretty, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	goldenFile(t, "seal.json", string(text)+"\n")
}

// What is known of no build makes everything new.
func TestDiffOfTheFirstBuild(t *testing.T) {
	for _, d := range Diff(receipt.Receipt{}, newProject(t).seal(t)) {
		if !d.Rebuilt || len(d.Causes) != 1 || d.Causes[0].Change != receipt.Added {
			t.Errorf("%+v", d)
		}
	}
}

func goldenFile(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s, -want +got:\n%s", name, diff)
	}
}

// A step that sees the repository runs again for a commit, and for no edit.
func TestDiffOfAStepWithGit(t *testing.T) {
	p := newProject(t)
	p.replace(t, "run: pnpm fonts, tools: [sass]", "run: pnpm fonts, git: true, inputs: [apps/web], tools: [sass]")
	p.replace(t, "- run: pnpm build\n", "- run: pnpm build\n      inputs: [apps/web]\n      outputs: [dist]\n")
	before := p.seal(t)
	for part, want := range map[string][]string{"index": nil, "HEAD": {"build 2"}, "refs/heads/index": {"build 2"}} {
		was, had := p.repository[part]
		p.repository[part] = "#55555555"
		var again []string
		for _, d := range Diff(before, p.seal(t)) {
			if d.Rebuilt && strings.HasPrefix(d.Layer, "build") {
				again = append(again, d.Layer)
			}
		}
		if p.repository[part] = was; !had {
			delete(p.repository, part)
		}
		if !slices.Equal(again, want) {
			t.Errorf("%s is another, and made again are %q", part, again)
		}
	}
}

// Only what is not committed and the repository may differ where nothing is built.
func TestOnlyEdited(t *testing.T) {
	apart := func(t *testing.T) *project {
		p := newProject(t)
		p.replace(t, "run: pnpm fonts, tools: [sass]", "run: pnpm fonts, inputs: [apps/web], tools: [sass]")
		p.replace(t, "- run: pnpm build\n", "- run: pnpm build\n      inputs: [apps/web]\n      outputs: [dist]\n")
		p.folders[HotLayer] = "edited"
		return p
	}
	hot := func(text string) func(*testing.T, *project) {
		return func(_ *testing.T, p *project) { p.folders[HotLayer] = text }
	}
	none := func(_ *testing.T, p *project) { delete(p.folders, HotLayer) }
	index := func(_ *testing.T, p *project) { p.repository["index"] = "#44444444" }
	both := func(a, b func(*testing.T, *project)) func(*testing.T, *project) {
		return func(t *testing.T, p *project) { a(t, p); b(t, p) }
	}
	for _, tt := range []struct {
		name         string
		before, then func(*testing.T, *project)
		want         bool
	}{
		{"another edit", hot("edited"), hot("edited more"), true},
		{"a first edit", none, hot("edited"), true},
		{"no edit any more", hot("edited"), none, true},
		{"an edit that git notes", hot("edited"), both(hot("edited more"), index), true},
		{"what git notes alone", hot("edited"), index, true},
		{"a part of the repository more", hot("edited"), func(_ *testing.T, p *project) { p.repository["MERGE_HEAD"] = "#1" }, true},
		{"a folder of the commit", hot("edited"), both(hot("edited more"), func(_ *testing.T, p *project) { p.folders["root"] = "other" }), false},
	} {
		p := apart(t)
		tt.before(t, p)
		before := p.seal(t)
		tt.then(t, p)
		if got := OnlyEdited(before, p.seal(t)); got != tt.want {
			t.Errorf("%s: %t", tt.name, got)
		}
	}
	for _, tt := range edits() {
		want := tt.name == "nothing" || tt.name == "a commit"
		p := apart(t)
		before := p.seal(t)
		both(hot("edited more"), func(t *testing.T, p *project) {
			if tt.name != "a build step" && tt.name != "inputs of a build step" && tt.name != "the network of a build step" { // these have other texts here
				tt.edit(t, p)
			} else {
				p.replace(t, "outputs: [dist]", "outputs: [dist, lib]")
			}
		})(t, p)
		if got := OnlyEdited(before, p.seal(t)); got != want {
			t.Errorf("an edit and %s: %t", tt.name, got)
		}
	}
	// A step that sees all of the source reads each edit.
	p := newProject(t)
	p.folders[HotLayer] = "edited"
	before := p.seal(t)
	p.folders[HotLayer] = "edited more"
	if OnlyEdited(before, p.seal(t)) {
		t.Error("a step reads what changed")
	}
}

func TestTouchesOutputs(t *testing.T) {
	p := Plan{Build: []Step{{}, {Outputs: []string{"apps/web/dist", "gen/./api.json"}}}}
	for path, want := range map[string]bool{
		"apps/web/main.js": false, "apps/web/dist/main.js": true, "apps/web/dist": true, "apps/web": true, "apps/web/dist2/a": false, "gen/api.json": true, "gen/api.jsonl": false,
	} {
		if got := p.TouchesOutputs([]string{"other", path}); got != want {
			t.Errorf("%s: %t", path, got)
		}
	}
	if p.TouchesOutputs(nil) {
		t.Error("nothing touches an output")
	}
}
