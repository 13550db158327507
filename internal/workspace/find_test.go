package workspace

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/sandwright/sandwright/internal/fault"
)

// tree makes a file system of paths and texts.
func tree(pairs ...string) fstest.MapFS {
	files := fstest.MapFS{}
	for i := 0; i < len(pairs); i += 2 {
		files[pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1])}
	}
	return files
}

const rootManifest = `{"name": "top", "packageManager": "pnpm@10.28.0"}`

// with is a workspace of apps/* and packages/*, and these files.
func with(pairs ...string) fstest.MapFS {
	files := tree("package.json", rootManifest, "pnpm-lock.yaml", "lockfileVersion: '9.0'\n",
		"pnpm-workspace.yaml", "packages:\n  - apps/*\n  - packages/*\n")
	for p, f := range tree(pairs...) {
		files[p] = f
	}
	return files
}

func mustFind(t *testing.T, files fs.FS) *Workspace {
	t.Helper()
	ws, err := Find(files, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return ws
}

func dirs(ws *Workspace) (out []string) {
	for _, p := range ws.Packages {
		out = append(out, p.Dir)
	}
	return out
}

func inputPaths(ws *Workspace) (out []string) {
	for _, in := range ws.Inputs {
		out = append(out, in.Path)
	}
	return out
}

func inputOf(t *testing.T, ws *Workspace, path string) string {
	t.Helper()
	for _, in := range ws.Inputs {
		if in.Path == path {
			return string(in.Data)
		}
	}
	t.Fatalf("%s is no input: there are %q", path, inputPaths(ws))
	return ""
}

func same(t *testing.T, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestFind(t *testing.T) {
	ws := mustFind(t, with(
		"apps/web/package.json", `{"name": "web", "dependencies": {"@x/ui": "workspace:*", "left-pad": "1.3.0"}, "devDependencies": {"@x/cfg": "workspace:^"}}`,
		"packages/ui/package.json", `{"name": "@x/ui", "version": "3.1.4", "peerDependencies": {"@x/cfg": "workspace:*"}}`,
		"packages/cfg/package.json", `{"name": "@x/cfg", "scripts": {"prepare": "node build.js", "build": "x", "install": ""}}`,
		"packages/empty/readme", "", "other/package.json", `{"name": "other"}`, "apps/web/sub/package.json", `{}`,
	))
	want := &Workspace{
		Dir: ".", Manager: Manager{Kind: PNPM, Name: "pnpm", Version: "10.28.0"},
		LockFile: "pnpm-lock.yaml",
		Packages: []Package{
			{Name: "top", Dir: "."},
			{Name: "web", Dir: "apps/web", Depends: []string{"@x/cfg", "@x/ui"}},
			{Name: "@x/cfg", Dir: "packages/cfg", Hooks: []string{"prepare"}},
			{Name: "@x/ui", Dir: "packages/ui"},
		},
	}
	paths := inputPaths(ws)
	ws.Inputs, ws.HooksSee, ws.Manager.At = nil, nil, fault.Position{}
	same(t, want, ws)
	same(t, []string{"apps/web/package.json", "package.json", "packages/cfg/package.json", "packages/ui/package.json",
		"pnpm-lock.yaml", "pnpm-workspace.yaml"}, paths)
}

func TestFindWithoutSettings(t *testing.T) {
	files := with("apps/web/package.json", `{}`)
	delete(files, "pnpm-workspace.yaml")
	same(t, []string{"."}, dirs(mustFind(t, files)))
	for _, empty := range []string{"", "\n", "# nothing\n", "onlyBuiltDependencies: []\n", "packages:\n"} {
		files["pnpm-workspace.yaml"] = &fstest.MapFile{Data: []byte(empty)}
		same(t, []string{"."}, dirs(mustFind(t, files)))
	}
}

func TestFindGlobs(t *testing.T) {
	var pairs []string
	for _, dir := range []string{"a", "a/b", "a/b/c", "a/.hidden", "a/test", "x-1", "x-2", "y/node_modules/z", "y/bower_components/z", "y/.git/z"} {
		pairs = append(pairs, dir+"/package.json", "{}")
	}
	tests := []struct{ patterns, want string }{
		{"['a']", ". a"},
		{"['./a/']", ". a"},
		{"['a/*']", ". a/b a/test"},
		{"['a/**']", ". a a/b a/b/c a/test"},
		{"['**']", ". a a/b a/b/c a/test x-1 x-2"},
		{"['**', '!**/test/**']", ". a a/b a/b/c x-1 x-2"},
		{"['!a/b', 'a/**']", ". a a/b/c a/test"},
		{"['a/.hidden', 'a/.*']", ". a/.hidden"},
		{"['x-{1,3}']", ". x-1"},
		{"['x-[!1]']", ". x-2"},
		{"['x-?', 'x-1']", ". x-1 x-2"},
		{"['.']", "."},
		{"[]", "."},
		{"[nothing]", "."},
		{"['{a,a/b}/c', '*/b/c']", ". a/b/c"},
	}
	for _, test := range tests {
		files := with(pairs...)
		files["pnpm-workspace.yaml"] = &fstest.MapFile{Data: []byte("packages: " + test.patterns + "\n")}
		if got := strings.Join(dirs(mustFind(t, files)), " "); got != test.want {
			t.Errorf("%s: packages %q, want %q", test.patterns, got, test.want)
		}
	}
}

func TestHooks(t *testing.T) {
	all := `{"scripts": {"preinstall": "a", "install": "b", "postinstall": "c", "preprepare": "d", "prepare": "e", "postprepare": "f",
		"pnpm:devPreinstall": "g", "prepublish": "h", "build": "i", "prepack": "j"}, "packageManager": "pnpm@10.28.0"}`
	lifecycle := []string{"install", "postinstall", "postprepare", "preinstall", "prepare", "preprepare"}
	ws := mustFind(t, with("package.json", all, "apps/a/package.json", all, "apps/gyp/package.json", `{}`, "apps/gyp/binding.gyp", "",
		"apps/gyp2/package.json", `{"scripts": {"preinstall": "true"}}`, "apps/gyp2/binding.gyp", "",
		"apps/guard/package.json", `{"scripts": {"preinstall": "npx only-allow pnpm"}}`))
	want := map[string][]string{
		".":          {"install", "pnpm:devPreinstall", "postinstall", "postprepare", "preinstall", "prepare", "preprepare"},
		"apps/a":     lifecycle,
		"apps/gyp":   {"install"},
		"apps/gyp2":  {"preinstall"},
		"apps/guard": nil,
	}
	got := map[string][]string{}
	for _, p := range ws.Packages {
		got[p.Dir] = p.Hooks
	}
	same(t, want, got)
}

// TestRuntimesOfAManifest: what is asked for, of which one has to be there.
func TestRuntimesOfAManifest(t *testing.T) {
	ws := mustFind(t, with("package.json", `{
  "packageManager": "pnpm@10.28.0",
  "devEngines": {"runtime": [{"name": "node", "version": "^24.4.0", "onFail": "download"}, {"name": "bun", "onFail": "warn"}, {"version": "1"}, 7]},
  "engines": {"node": ">=20", "runtime": {"name": "deno", "version": "^2"}}
}`))
	same(t, [][]Runtime{
		{{Name: "node", Range: "^24.4.0", Must: true, Download: true, At: fault.Position{File: "package.json", Line: 3, Column: 3}}, {Name: "bun", At: fault.Position{File: "package.json", Line: 3, Column: 3}}},
		{{Name: "deno", Range: "^2", Must: true, At: fault.Position{File: "package.json", Line: 4, Column: 3}}},
	}, ws.Runtimes)
	same(t, [][]Runtime(nil), mustFind(t, with("package.json", `{"packageManager": "pnpm@10.28.0", "engines": {"node": ">=20"}, "devEngines": {"runtime": "node"}}`)).Runtimes)
}

func TestDepends(t *testing.T) {
	members := []string{"packages/lib/package.json", `{"name": "@w/lib", "version": "1.0.0"}`, "packages/util/package.json", `{"name": "util"}`}
	tests := []struct {
		settings, dependencies string
		want                   []string
	}{
		{"", `{"@w/lib": "workspace:*"}`, []string{"@w/lib"}},
		{"", `{"@w/lib": "workspace:^1.0.0", "util": "workspace:~"}`, []string{"@w/lib", "util"}},
		{"", `{"alias": "workspace:@w/lib@*"}`, []string{"@w/lib"}},
		{"", `{"alias": "workspace:../../packages/lib"}`, []string{"@w/lib"}},
		{"", `{"x": "link:../../packages/util"}`, []string{"util"}},
		{"", `{"x": "link:../missing"}`, nil},
		{"", `{"@w/lib": "^1.0.0"}`, nil},
		{"linkWorkspacePackages: true", `{"@w/lib": "^1.0.0"}`, []string{"@w/lib"}},
		{"linkWorkspacePackages: deep", `{"@w/lib": "^1.0.0"}`, []string{"@w/lib"}},
		{"catalog: {util: 'workspace:*'}", `{"util": "catalog:"}`, []string{"util"}},
		{"catalogs: {own: {'@w/lib': 'workspace:*'}}", `{"@w/lib": "catalog:own", "util": "catalog:none"}`, []string{"@w/lib"}},
		{"", `{"self": "workspace:*"}`, nil},
		{"", `{"stranger": "workspace:*"}`, nil},
	}
	for _, test := range tests {
		files := with(append(members, "apps/self/package.json", `{"name": "self", "dependencies": `+test.dependencies+`}`,
			"pnpm-workspace.yaml", "packages: [apps/*, packages/*]\n"+test.settings+"\n")...)
		ws := mustFind(t, files)
		if diff := cmp.Diff(test.want, ws.Packages[1].Depends); diff != "" {
			t.Errorf("%s %s (-want +got):\n%s", test.settings, test.dependencies, diff)
		}
	}
}

// Up to version 10 pnpm has settings in .npmrc, those of pnpm-workspace.yaml before
// them. Up to 8 it links to members by plain ranges unless it is told not to.
func TestSettingsOfNPMRC(t *testing.T) {
	for _, test := range []struct {
		manager, npmrc, settings string
		links                    bool
	}{
		{"pnpm@10.28.0", "link-workspace-packages=true\n", "", true},
		{"pnpm@9.15.9", "# x\n link-workspace-packages = \"deep\" \r\n", "", true},
		{"pnpm@10.28.0", "link-workspace-packages=true\n", "linkWorkspacePackages: false\n", false},
		{"pnpm@10.28.0", "link-workspace-packages=false\n", "linkWorkspacePackages: true\n", true},
		{"pnpm@10.28.0", "#link-workspace-packages=true\n", "", false},
		{"pnpm@11.28.11", "link-workspace-packages=true\n", "", false},
		{"pnpm@8.6.12", "", "", true},
		{"pnpm@8.6.12", "link-workspace-packages=false\n", "", false},
		{"pnpm@9.15.9", "", "", false},
	} {
		ws := mustFind(t, with("package.json", `{"packageManager": "`+test.manager+`"}`, ".npmrc", test.npmrc, "pnpm-workspace.yaml", "packages: [apps/*, packages/*]\n"+test.settings,
			"apps/self/package.json", `{"name": "self", "dependencies": {"lib": "^1.0.0"}}`, "packages/lib/package.json", `{"name": "lib", "version": "1.0.0"}`))
		if got := len(ws.Packages[1].Depends) == 1; got != test.links {
			t.Errorf("%+v: %v", test, ws.Packages[1].Depends)
		}
	}
}

// A node that pnpm would fetch from elsewhere is asked of the tools in the place of that.
func TestNodeOfNPMRC(t *testing.T) {
	ws := mustFind(t, with("package.json", `{"packageManager": "pnpm@10.28.0"}`, ".npmrc", "x=y\nuse-node-version=22.20.0\n"))
	same(t, [][]Runtime{{{Name: "node", Range: "22.20.0", Must: true, At: fault.Position{File: ".npmrc", Line: 2}}}}, ws.Runtimes)
	same(t, true, ws.FetchesNode)
	ws = mustFind(t, with("package.json", `{"packageManager": "pnpm@11.28.11"}`, ".npmrc", "use-node-version=22.20.0\n"))
	same(t, false, ws.FetchesNode || len(ws.Runtimes) > 0)
}

func TestManager(t *testing.T) {
	for text, want := range map[string][2]string{
		"pnpm@10.28.0": {"10.28.0", ""}, "pnpm@11.0.0-rc.1": {"11.0.0-rc.1", ""}, "pnpm@10.28.0+sha512.abcDEF0123": {"10.28.0", "sha512.abcDEF0123"}, "pnpm@9.0.0+sha1.x-y": {"9.0.0", "sha1.x-y"},
	} {
		files := with("package.json", `{"packageManager": "`+text+`"}`)
		manager := Manager{Kind: PNPM, Name: "pnpm", Version: want[0], Hash: want[1], At: fault.Position{File: "package.json", Line: 1, Column: 2}}
		same(t, manager, mustFind(t, files).Manager)
		alone, err := ManagerOf(files, Options{})
		if err != nil {
			t.Error(err)
		}
		same(t, manager, alone)
	}
	if m, err := ManagerOf(fstest.MapFS{}, Options{}); err != nil || m != (Manager{}) {
		t.Errorf("no package.json: %v, %v", m, err)
	}
	for _, text := range []string{`{`, `{"packageManager": "npm@10"}`, `{"dependencies": {"a": "1"}}`} {
		if _, err := ManagerOf(fstest.MapFS{"package.json": {Data: []byte(text)}}, Options{}); err == nil || fault.All(err)[0].At.File != "package.json" {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// A fault is expected with its whole text, and with a hint where there is one.
type refusal struct {
	name  string
	files fstest.MapFS
	want  string
	hint  string
}

func (r refusal) check(t *testing.T) {
	_, err := Find(r.files, Options{})
	var lines, hints []string
	for _, f := range fault.All(err) {
		lines = append(lines, f.Error())
		hints = append(hints, f.Hint)
		if f.Code != fault.ExitConfig {
			t.Errorf("%s: code %d", f.Error(), f.Code)
		}
	}
	same(t, r.want, strings.Join(lines, "\n"))
	if !strings.Contains(strings.Join(hints, "\n"), r.hint) {
		t.Errorf("hints %q, want %q", hints, r.hint)
	}
}

func refusals() []refusal {
	without := func(path string) fstest.MapFS {
		files := with()
		delete(files, path)
		return files
	}
	return []refusal{
		{"no manifest", tree("pnpm-workspace.yaml", ""), "package.json: cannot find it: the root of a workspace has one", "pnpm init"},
		{"no lock", without("pnpm-lock.yaml"), "pnpm-lock.yaml: cannot find it: an install needs it", "pnpm install"},
		{"no manager", tree("package.json", `{"dependencies": {"a": "1"}}`), "package.json:1:1: cannot tell which package manager installs: there is no lock file, and no packageManager", "include: [NAME]; without one set workspace: {manager: none}"},
		{"two locks", with("package.json", `{}`, "yarn.lock", ""), "package.json:1:1: cannot tell which package manager installs: there are pnpm-lock.yaml and yarn.lock", "workspace: {manager: pnpm}"},
		{"range", with("package.json", "{\n  \"name\": \"x\",\n  \"packageManager\": \"pnpm@^10\"\n}\n"),
			`package.json:3:3: cannot use packageManager "pnpm@^10": it is not a name and one exact version`, "pnpm@10"},
		{"other manager", with("package.json", `{"packageManager": "deno@2.0.0"}`), `package.json:1:2: cannot use packageManager "deno@2.0.0": it is none of pnpm, npm, yarn and bun`, ""},
		{"no lock of its manager", with("package.json", `{"packageManager": "yarn@4.5.0"}`), `yarn.lock: cannot find it: an install needs it`, "yarn install"},
		{"no lock of bun", with("package.json", `{"packageManager": "bun@1.2.20"}`), `bun.lock: cannot find it: an install needs it`, "bun install, and commit bun.lock"},
		{"no lock of npm", with("package.json", `{"packageManager": "npm@11.6.0"}`), `package-lock.json: cannot find it: an install needs it`, "npm install --package-lock-only --package-lock, and commit package-lock.json, or stage it where git ignores it by include: [package-lock.json]"},
		{"manager of another type", with("package.json", `{"packageManager": {"a": 1}}`),
			`package.json:1:2: cannot use packageManager {"a":1}: it is not a name and one exact version`, ""},
		{"pattern leaves", with("pnpm-workspace.yaml", "packages:\n  - apps/*\n  - ../other/*\n  - a/../b\n  - /abs\n  - '!../x'\n"),
			"pnpm-workspace.yaml:3:5: cannot use pattern \"../other/*\": it leaves the root\n" +
				"pnpm-workspace.yaml:4:5: cannot use pattern \"a/../b\": it leaves the root\n" +
				"pnpm-workspace.yaml:5:5: cannot use pattern \"/abs\": it leaves the root\n" +
				"pnpm-workspace.yaml:6:5: cannot use pattern \"!../x\": it leaves the root", "packages/*"},
		{"pattern hides that it leaves", with("pnpm-workspace.yaml", "packages: ['{a,..}/x']\n"), `pnpm-workspace.yaml:1:12: cannot use pattern "{a,..}/x": it leaves the root`, ""},
		{"pattern of no text", with("pnpm-workspace.yaml", "packages: [[a], {b: c}, null]\n"),
			"pnpm-workspace.yaml:1:12: cannot use this in packages: it is not a text\n" +
				"pnpm-workspace.yaml:1:17: cannot use this in packages: it is not a text\n" +
				"pnpm-workspace.yaml:1:25: cannot use this in packages: it is not a text", ""},
		{"settings of another kind", with("pnpm-workspace.yaml", "- a\n"), "pnpm-workspace.yaml:1:1: cannot use it: it is not a mapping", ""},
		{"two documents", with("pnpm-workspace.yaml", "a: b\n---\nc: d\n"), "pnpm-workspace.yaml:2:1: cannot use a second document: the file holds one", ""},
		{"other formats", with("apps/a/package.yaml", "", "apps/b/package.json5", ""),
			"apps/a/package.yaml: cannot read it: a manifest must be JSON\napps/b/package.json5: cannot read it: a manifest must be JSON", "write it as apps/b/package.json"},
		{"all at once", with("package.json", `{"packageManager": 1}`, "apps/a/package.json", "{,}", "apps/b/package.json", "[]"),
			"apps/a/package.json:1:2: cannot read it as JSON: invalid character ',' looking for beginning of object key string\n" +
				"apps/b/package.json:1:1: cannot use it as a manifest: it is not an object\n" +
				"package.json:1:2: cannot use packageManager 1: it is not a name and one exact version", ""},
		{"large", with("apps/a/package.json", `{"a": "`+strings.Repeat("x", maxFile)+`"}`), "apps/a/package.json: cannot read it: it is larger than 16 MiB", ""},
		{"missing patch", with("pnpm-workspace.yaml", "patchedDependencies:\n  a@1: patches/a.patch\n  b@1: ../b.patch\n"),
			"pnpm-workspace.yaml:2:8: cannot find patches/a.patch\npnpm-workspace.yaml:3:8: cannot use ../b.patch: it leaves the root of the workspace", "commit the file"},
		{"missing hook file", with(".npmrc", "a=b\npnpmfile = \"hooks.cjs\"\n"), ".npmrc:2: cannot find hooks.cjs", ""},
		{"local package outside", with("apps/a/package.json", "{\n\"dependencies\": {\"x\": \"file:../../../x.tgz\", \"y\": \"file:/y.tgz\"}}"),
			"apps/a/package.json:2:1: cannot use file:../../../x.tgz: it leaves the root of the workspace\n" +
				"apps/a/package.json:2:1: cannot use file:/y.tgz: it leaves the root of the workspace", "into the workspace"},
	}
}

func TestRefused(t *testing.T) {
	for _, r := range refusals() {
		t.Run(r.name, r.check)
	}
}

func TestYAMLSyntax(t *testing.T) {
	_, err := Find(with("pnpm-workspace.yaml", "packages:\n  - a\n\t- b\n"), Options{})
	f := fault.All(err)[0]
	if f.At.File != "pnpm-workspace.yaml" || f.At.Line < 2 || !strings.HasPrefix(f.What, "cannot read it as YAML: ") {
		t.Errorf("fault %v", f)
	}
}

func TestTooManyMembers(t *testing.T) {
	files := with()
	for i := range maxMembers + 1 {
		files["apps/"+strings.Repeat("x", 1+i%200)+"-"+string(rune('a'+i/200%26))+string(rune('a'+i/5200))+"/package.json"] = &fstest.MapFile{Data: []byte("{}")}
	}
	if n := len(files); n < maxMembers {
		t.Fatalf("only %d files were made", n)
	}
	refusal{files: files, want: "pnpm-workspace.yaml: cannot use 10001 packages: a workspace has at most 10000"}.check(t)
}

// A broken is a file system whose files cannot be opened.
type broken struct {
	fs.FS
	at string
}

func (b broken) Open(name string) (fs.File, error) {
	if name == b.at {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return b.FS.Open(name)
}

func TestUnreadable(t *testing.T) {
	for _, at := range []string{"package.json", "pnpm-workspace.yaml", "pnpm-lock.yaml", "apps"} {
		_, err := Find(broken{with("apps/a/package.json", "{}"), at}, Options{})
		if !errors.Is(err, fs.ErrPermission) || len(fault.All(err)) != 1 || !strings.Contains(fault.All(err)[0].Error(), at+": cannot ") {
			t.Errorf("%s: error %v", at, err)
		}
	}
}

// Where nothing is to be installed, nothing of the workspace is looked at.
func TestNoManager(t *testing.T) {
	o := Options{Manager: None}
	for name, files := range map[string]fstest.MapFS{
		"no lock": tree("package.json", `{"dependencies": {"a": "1"}}`), "two locks": with("package.json", `{}`, "yarn.lock", ""), "a bad manifest": tree("package.json", "{"),
	} {
		ws, err := Find(files, o)
		if err != nil || ws.Manager.Name != "" || len(ws.Inputs) != 0 {
			t.Errorf("%s: %v, %v", name, ws, err)
		}
		if m, err := ManagerOf(files, o); err != nil || m.Name != "" {
			t.Errorf("%s: %v, %v", name, m, err)
		}
	}
}

// Where no version is named, one is proposed that uses the lock file as it is.
func TestVersionsForALockFile(t *testing.T) {
	for want, files := range map[string]fstest.MapFS{
		"pnpm@7":       tree("package.json", "{}", "pnpm-lock.yaml", "lockfileVersion: 5.4\n"),
		"pnpm@8":       tree("package.json", "{}", "pnpm-lock.yaml", "lockfileVersion: '6.0'\n"),
		"pnpm@10":      tree("package.json", "{}", "pnpm-lock.yaml", "lockfileVersion: '9.0'\n"),
		"npm@11":       tree("package.json", "{}", "package-lock.json", `{"lockfileVersion": 3}`),
		"yarn@1.22.22": tree("package.json", "{}", "yarn.lock", "# yarn lockfile v1\n"),
		"yarn@3":       tree("package.json", "{}", "yarn.lock", "# x\n\n__metadata:\n  version: 6\n"),
		"yarn@4":       tree("package.json", "{}", "yarn.lock", "# x\n\n__metadata:\n  version: 8\n"),
		"bun@1":        tree("package.json", "{}", "bun.lock", "{}"),
		"npm@":         tree("package.json", `{"packageManager": "npm@10.0.0"}`),
	} {
		if m, err := ManagerOf(files, Options{}); err != nil || m.Name+"@"+m.Fits != want {
			t.Errorf("%s@%s, want %s: %v", m.Name, m.Fits, want, err)
		}
	}
}
