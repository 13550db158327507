package workspace

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/sandwright/sandwright/internal/fault"
)

// Who installs, and which version of it, is said in one of several places.
func TestWhoInstalls(t *testing.T) {
	for name, c := range map[string]struct {
		files fstest.MapFS
		asked string
		want  Manager
	}{
		"the lock of npm":                {tree("package.json", `{}`, "package-lock.json", "{}"), "", Manager{Kind: NPM, Name: "npm"}},
		"an older lock of npm":           {tree("package.json", `{}`, "npm-shrinkwrap.json", "{}"), "", Manager{Kind: NPM, Name: "npm"}},
		"the binary lock of bun":         {tree("package.json", `{}`, "bun.lockb", "\x00"), "", Manager{Kind: Bun, Name: "bun"}},
		"packageManager of two locks":    {tree("package.json", `{"packageManager": "bun@1.4.5+sha512.ab"}`, "bun.lock", "", "yarn.lock", ""), "", Manager{Kind: Bun, Name: "bun", Version: "1.4.5"}},
		"devEngines with a range":        {tree("package.json", `{"devEngines": {"packageManager": {"name": "pnpm", "version": "^10.20"}}}`, "pnpm-lock.yaml", ""), "", Manager{Kind: PNPM, Name: "pnpm", Range: "^10.20"}},
		"the first of devEngines":        {tree("package.json", `{"devEngines": {"packageManager": [{"name": "npm", "version": "11.6.0"}, {"name": "pnpm"}]}}`, "package-lock.json", ""), "", Manager{Kind: NPM, Name: "npm", Version: "11.6.0"}},
		"sandwright.yaml":                {tree("package.json", `{"packageManager": "pnpm@10.28.0"}`, "package-lock.json", ""), "npm@11.6.0", Manager{Kind: NPM, Name: "npm", Version: "11.6.0"}},
		"a name in sandwright.yaml":      {tree("package.json", `{"packageManager": "pnpm@10.28.0"}`, "pnpm-lock.yaml", "", "yarn.lock", ""), "pnpm", Manager{Kind: PNPM, Name: "pnpm", Version: "10.28.0"}},
		"a range in sandwright.yaml":     {tree("package.json", `{}`, "yarn.lock", ""), "yarn@^1.22.0", Manager{Kind: YarnClassic, Name: "yarn", Range: "^1.22.0"}},
		"classic by its lock":            {tree("package.json", `{}`, "yarn.lock", "# yarn lockfile v1\n"), "", Manager{Kind: YarnClassic, Name: "yarn"}},
		"berry by its lock":              {tree("package.json", `{}`, "yarn.lock", "#\n\n__metadata:\n  version: 8\n"), "", Manager{Kind: Yarn, Name: "yarn"}},
		"berry by the release it brings": {tree("package.json", `{}`, "yarn.lock", "", ".yarnrc.yml", "yarnPath: .yarn/releases/yarn-4.5.0.cjs\n"), "", Manager{Kind: Yarn, Name: "yarn", Version: "4.5.0"}},
		"classic by the release":         {tree("package.json", `{}`, "yarn.lock", "", ".yarnrc", "yarn-path \".yarn/releases/yarn-1.22.19.js\"\n"), "", Manager{Kind: YarnClassic, Name: "yarn", Version: "1.22.19"}},
		"nothing to install":             {tree("package.json", `{"scripts": {"a": "b"}, "dependencies": {}}`), "", Manager{}},
		"no manifest":                    {tree("main.go", ""), "", Manager{}},
	} {
		got, err := ManagerOf(c.files, Options{Manager: c.asked, At: fault.Position{File: "sandwright.yaml"}})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		got.At, got.Fits = fault.Position{}, "" // see TestVersionsForALockFile
		same(t, c.want, got)
	}
}

// A folder without a workspace is one in which nothing is installed.
func TestNoWorkspace(t *testing.T) {
	for _, files := range []fstest.MapFS{tree("main.go", ""), tree("package.json", `{"name": "x"}`)} {
		same(t, &Workspace{Dir: "."}, mustFind(t, files))
	}
}

// memberTree is a workspace of any manager but pnpm.
func memberTree(manager, lock, root string, pairs ...string) fstest.MapFS {
	text := "{"
	if root != "" {
		text += root + ", "
	}
	return tree(append([]string{"package.json", text + `"packageManager": "` + manager + `"}`, lock, "",
		"apps/web/package.json", `{"name": "web", "dependencies": {"lib": "^1.0.0"}}`, "packages/lib/package.json", `{"name": "lib", "version": "1.2.3"}`,
		"packages/old/package.json", `{"name": "old", "version": "9.0.0"}`, "other/package.json", `{}`}, pairs...)...)
}

func TestMembersOfEachManager(t *testing.T) {
	const listed, inObject = `"workspaces": ["apps/*", "packages/*", "!packages/old"]`, `"workspaces": {"packages": ["./apps/*", "packages/lib"]}`
	for _, c := range []struct{ manager, lock, root, want string }{
		{"npm@11.6.0", "package-lock.json", listed, ". apps/web packages/lib"},
		{"npm@11.6.0", "package-lock.json", `"workspaces": ["!packages/old", "packages/*"]`, ". packages/lib packages/old"},
		{"yarn@1.22.22", "yarn.lock", inObject, ". apps/web packages/lib"},
		{"yarn@4.5.0", "yarn.lock", `"workspaces": ["!packages/old", "packages/*", "apps/*"]`, ". apps/web packages/lib"},
		{"bun@1.4.5", "bun.lock", inObject, ". apps/web packages/lib"},
		{"bun@1.4.5", "bun.lockb", "", "."},
	} {
		ws := mustFind(t, memberTree(c.manager, c.lock, c.root))
		same(t, c.want, strings.Join(dirs(ws), " "))
		same(t, c.lock, ws.LockFile)
		for _, p := range ws.Packages {
			if p.Name == "web" && strings.Contains(c.want, "packages/lib") {
				same(t, []string{"lib"}, p.Depends)
			}
		}
	}
	for _, manager := range [][2]string{{"npm@11.6.0", "package-lock.json"}, {"yarn@1.22.22", "yarn.lock"}, {"yarn@4.5.0", "yarn.lock"}, {"bun@1.4.5", "bun.lock"}} {
		refusal{files: memberTree(manager[0], manager[1], `"workspaces": ["../x", "a/../../b"]`), hint: "below the root",
			want: "package.json:1:2: cannot use pattern \"../x\": it leaves the root\npackage.json:1:2: cannot use pattern \"a/../../b\": it leaves the root"}.check(t)
	}
}

// Members of yarn may have members of their own.
func TestMembersOfMembers(t *testing.T) {
	files := memberTree("yarn@4.5.0", "yarn.lock", `"workspaces": ["apps/*"]`, "apps/web/package.json", `{"name": "web", "workspaces": ["parts/*", "../../apps/*"]}`,
		"apps/web/parts/a/package.json", `{"name": "a"}`)
	refusal{files: files, want: `apps/web/package.json:1:17: cannot use pattern "../../apps/*": it leaves the root`}.check(t)
	files["apps/web/package.json"] = &fstest.MapFile{Data: []byte(`{"name": "web", "workspaces": ["parts/*"]}`)}
	same(t, ". apps/web apps/web/parts/a", strings.Join(dirs(mustFind(t, files)), " "))
	files["yarn.lock"] = &fstest.MapFile{Data: []byte("# yarn lockfile v1\n\n")}
	refusal{files: files, want: "yarn.lock: cannot install with yarn: another yarn has written it", hint: "yarn install"}.check(t)
}

func TestInputsOfYarn(t *testing.T) {
	ws := mustFind(t, memberTree("yarn@4.5.0", "yarn.lock", `"resolutions": {"ms": "patch:ms@npm%3A2.1.3#~/patches/ms.patch"}, "dependencies": {"p": "portal:./other", "q": "patch:q@npm%3A1#./q.patch&optional!builtin<x>"}`,
		".yarnrc.yml", "yarnPath: .yarn/releases/y.cjs\nplugins:\n  - path: .yarn/plugins/a.cjs\n  - .yarn/plugins/b.cjs\n  - '@yarnpkg/plugin-x'\nnpmAuthToken: \"${NPM_TOKEN:-none}\"\nnpmRegistryServer: \"https://${HOST}/\"\n",
		".yarn/releases/y.cjs", "y", ".yarn/plugins/a.cjs", "a", ".yarn/plugins/b.cjs", "b", ".yarn/patches/x.patch", "x", ".yarn/cache/z.zip", "no",
		"patches/ms.patch", "ms", "q.patch", "q", "other/main.js", "no"))
	same(t, []string{".yarn/patches/x.patch", ".yarn/plugins/a.cjs", ".yarn/plugins/b.cjs", ".yarn/releases/y.cjs", ".yarnrc.yml", "other/package.json", "package.json",
		"patches/ms.patch", "q.patch", "yarn.lock"}, inputPaths(ws))
	same(t, []string{"HOST", "NPM_TOKEN", "YARN_HTTPS_PROXY", "YARN_HTTP_PROXY"}, ws.Variables)
	same(t, true, ws.PlugAndPlay)
	refusal{files: memberTree("yarn@4.5.0", "yarn.lock", "", ".yarnrc.yml", "yarnPath: ../y.cjs\nplugins: [gone.cjs]\n"),
		want: ".yarnrc.yml:1:11: cannot use ../y.cjs: it leaves the root of the workspace\n.yarnrc.yml:2:11: cannot find gone.cjs"}.check(t)
	classic := mustFind(t, memberTree("yarn@1.22.22", "yarn.lock", "", ".yarnrc", "yarn-path \"y.js\"\nyarn-offline-mirror \"./mirror\"\n", "y.js", "y", "mirror/a.tgz", "a", ".npmrc", "x=${A}\n"))
	same(t, []string{".npmrc", ".yarnrc", "mirror/a.tgz", "package.json", "y.js", "yarn.lock"}, inputPaths(classic))
	same(t, []string{"A"}, classic.Variables)
}

func TestInputsOfNPMAndBun(t *testing.T) {
	npm := mustFind(t, memberTree("npm@11.6.0", "package-lock.json", `"workspaces": ["apps/*"], "allowScripts": {"esbuild@1.2.3": true, "x": false}, "dependencies": {"o": "file:other", "t": "./t.tgz"}, "overrides": {"a": {"b": "file:b.tgz"}}`,
		"other/package.json", `{"name": "o", "version": "1.0.0", "scripts": {"x": "y"}, "dependencies": {"z": "file:../z.tgz"}}`, "other/main.js", "no", "t.tgz", "t", "b.tgz", "b", "z.tgz", "z",
		"apps/web/package.json", `{"name": "web", "bin": "cli.js"}`, "apps/web/cli.js", "#!/usr/bin/env node\nx"))
	same(t, []string{"apps/web/cli.js", "apps/web/package.json", "b.tgz", "other/package.json", "package-lock.json", "package.json", "t.tgz", "z.tgz"}, inputPaths(npm))
	same(t, []string{"esbuild@1.2.3"}, npm.Built)
	same(t, []string{"apps/web/cli.js"}, npm.Commands)
	if got := inputOf(t, npm, "other/package.json"); strings.Contains(got, "scripts") || !strings.Contains(got, `"1.0.0"`) {
		t.Errorf("the linked package's manifest is %s", got)
	}
	bun := mustFind(t, memberTree("bun@1.4.5", "bun.lock", `"workspaces": {"packages": ["apps/*"], "catalog": {"web": "workspace:*"}, "catalogs": {"own": {"web": "^1.0.0"}}}, "patchedDependencies": {"ms@2.1.3": "patches/ms.patch"}`,
		"bunfig.toml", "[install.scopes]\nacme = { token = \"$ACME_TOKEN\", url = \"x\" }\n", "patches/ms.patch", "p", "apps/b/package.json", `{"name": "b", "dependencies": {"web": "catalog:"}}`))
	same(t, []string{"apps/b/package.json", "apps/web/package.json", "bun.lock", "bunfig.toml", "package.json", "patches/ms.patch"}, inputPaths(bun))
	same(t, []string{"ACME_TOKEN", "BUN_CONFIG_REGISTRY", "BUN_CONFIG_TOKEN"}, bun.Variables)
	same(t, []string{"web"}, bun.Packages[1].Depends)
}

// Workspaces with lock files of their own are found in their folders, and their
// faults are placed there.
func TestNested(t *testing.T) {
	o := Options{Nested: []Options{{Dir: "site"}, {Dir: "tools/x", Manager: "npm@11.6.0"}}}
	files := with("site/package.json", `{"packageManager": "bun@1.4.5"}`, "site/bun.lock", "", "tools/x/package.json", `{}`, "tools/x/package-lock.json", "")
	ws, err := Find(files, o)
	if err != nil {
		t.Fatal(err)
	}
	managers, err := ManagersOf(files, o)
	if err != nil || len(managers) != 3 {
		t.Fatalf("%v, %v", managers, err)
	}
	for i, one := range ws.All() {
		same(t, []string{".", "site", "tools/x"}[i], one.Dir)
		same(t, []string{"pnpm@10.28.0", "bun@1.4.5", "npm@11.6.0"}[i], one.Manager.Name+"@"+one.Manager.Version)
		same(t, one.Manager, managers[i])
	}
	o.Nested[0].Manager = None
	if ws, err = Find(files, o); err != nil || len(ws.Nested) != 2 || ws.Nested[0].Manager.Name != "" || len(ws.Nested[0].Inputs) != 0 {
		t.Errorf("where nothing is to be installed: %v", err)
	}
	o.Nested[0].Manager = ""
	files["site/package.json"] = &fstest.MapFile{Data: []byte("{,")}
	delete(files, "tools/x/package-lock.json")
	o.Nested = append(o.Nested, Options{Dir: "gone", At: fault.Position{File: "sandwright.yaml", Line: 3}})
	_, err = Find(files, o)
	for i, want := range []string{"sandwright.yaml:3: cannot find the workspace's folder gone", "site/package.json:1:2: cannot read it as JSON", "tools/x/package-lock.json: cannot find it"} {
		if all := fault.All(err); len(all) != 3 || !strings.HasPrefix(all[i].Error(), want) {
			t.Errorf("%d: %v, want %s", i, all, want)
		}
	}
}

// With hooks that run early, they and the files that they name are inputs.
func TestEarlyHooks(t *testing.T) {
	files := with("apps/a/package.json", `{"scripts": {"postinstall": "node ./scripts/post.js && sh 'setup.sh' ../../../etc/passwd", "build": "node build.js"}}`,
		"apps/a/scripts/post.js", "post", "apps/a/setup.sh", "setup", "apps/a/build.js", "build")
	ws, err := Find(files, Options{HooksEarly: true})
	if err != nil {
		t.Fatal(err)
	}
	same(t, []string{"apps/a/package.json", "apps/a/scripts/post.js", "apps/a/setup.sh", "package.json", "pnpm-lock.yaml", "pnpm-workspace.yaml"}, inputPaths(ws))
	if got := inputOf(t, ws, "apps/a/package.json"); !strings.Contains(got, "postinstall") || strings.Contains(got, "build.js") {
		t.Errorf("the manifest is %s", got)
	}
}
