package workspace

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// scripted is a workspace of three members, of which the root and web have the
// scripts given, as JSON.
func scripted(root, web string, pairs ...string) fstest.MapFS {
	return with(append([]string{
		"package.json", `{"packageManager": "pnpm@10.28.0", "scripts": ` + root + `}`,
		"apps/web/package.json", `{"name": "web", "scripts": ` + web + `, "dependencies": {"@w/lib": "workspace:*"}}`,
		"packages/lib/package.json", `{"name": "@w/lib"}`, "packages/lib/gen.js", "",
		"packages/cli/package.json", `{"name": "cli"}`, "packages/cli/bin/run.js", "",
		"scripts/setup.sh", "#!/bin/sh\n. scripts/more.sh\nnode ./helper.mjs\n", "scripts/more.sh", "echo more\n", "scripts/helper.mjs", "",
		"tools/gen.mjs", "import x from './lib/x.js'\nexport * from \"./y\"\nimport('./dyn')\nconst z = require('./z')\nimport 'chalk'\nimport type {T} from '../tools/types.js'\n",
		"tools/lib/x.ts", "", "tools/y/index.js", "import '../gen.mjs'", "tools/dyn.cjs", "", "tools/z.json", "{}", "tools/types.ts", "",
		"tools/lists.mjs", "for (const d of readdirSync('packages')) {}", "tools/walks.js", "glob('packages/*/package.json')", "tools/runs.js", "execSync('pnpm -r build')",
		"tools/turbo.js", "spawn('turbo', ['build'])", "tools/plain.js", "fs.cpSync('a', 'b', {recursive: true})",
	}, pairs...)...)
}

// TestReadsOfScripts: what the commands of a package name is what they are taken
// to read; a command for the workspace as a whole reads all of it.
func TestReadsOfScripts(t *testing.T) {
	for _, c := range []struct{ root, web, ofRoot, ofWeb string }{
		{`{"prepare": "husky", "build": "turbo build"}`, `{}`, "", ""},
		{`{"postinstall": "husky || true; npm run gen", "gen": "node packages/cli/bin/run.js"}`, `{}`, "packages/cli packages/cli/bin/run.js", ""},
		{`{"postinstall": "pnpm gen", "gen": "pnpm --filter web build && cp -r a b"}`, `{}`, "apps/web", ""},
		{`{"postinstall": "npm run build -w packages/cli"}`, `{}`, "packages/cli", ""},
		{`{"postinstall": "sh ./scripts/setup.sh"}`, `{}`, "scripts/helper.mjs scripts/more.sh scripts/setup.sh", ""},
		{`{"postinstall": "node tools/gen.mjs"}`, `{}`, "tools/dyn.cjs tools/gen.mjs tools/lib/x.ts tools/types.ts tools/y/index.js tools/z.json", ""},
		{`{"postinstall": "node tools/lists.mjs"}`, `{}`, "packages tools/lists.mjs", ""},
		{`{"postinstall": "rm -rf packages/*/dist"}`, `{}`, "packages", ""},
		{`{}`, `{"prepare": "tsc -b && cp -r ../../packages/cli/bin . && node ../../tools/plain.js ./main.js /etc/passwd ../../../x"}`, "",
			"packages/cli packages/cli/bin tools/plain.js"},
		{`{}`, `{"prepare": "tsc", "build": "turbo"}`, "", ""},
		// over the workspace as a whole
		{`{"prepare": "pnpm -r build"}`, `{}`, ".", ""},
		{`{"prepare": "pnpm --filter './packages/**' build"}`, `{}`, ".", ""},
		{`{"prepare": "npm run build", "build": "./node_modules/.bin/turbo run build"}`, `{}`, ".", ""},
		{`{"prepare": "yarn workspaces foreach -A run build"}`, `{}`, ".", ""},
		{`{"postinstall": "preconstruct dev"}`, `{}`, ".", ""},
		{`{"postinstall": "tsc -b"}`, `{}`, ".", ""},
		{`{"postinstall": "node tools/walks.js"}`, `{}`, ".", ""},
		{`{"postinstall": "node tools/runs.js"}`, `{}`, ".", ""},
		{`{"postinstall": "node tools/turbo.js"}`, `{}`, ".", ""},
		{`{}`, `{"postinstall": "cd ../.. && pnpm recursive run x"}`, "", "."},
	} {
		ws := mustFind(t, scripted(c.root, c.web))
		got := map[string]string{}
		for _, p := range ws.Packages {
			got[p.Dir] = strings.Join(p.Reads, " ")
		}
		if got["."] != c.ofRoot || got["apps/web"] != c.ofWeb {
			t.Errorf("%s and %s read %q and %q, want %q and %q", c.root, c.web, got["."], got["apps/web"], c.ofRoot, c.ofWeb)
		}
	}
}

// TestFollowingEnds: in a circle, and in a chain without end.
func TestFollowingEnds(t *testing.T) {
	var pairs []string
	for i := range maxFollowed + 50 {
		name := func(i int) string {
			return "deep/f" + string(rune('a'+i/26%26)) + string(rune('a'+i%26)) + string(rune('a'+i/676))
		}
		pairs = append(pairs, name(i)+".js", "require('../"+name(i+1)+"')")
	}
	ws := mustFind(t, scripted(`{"postinstall": "node deep/faaa.js"}`, `{}`, pairs...))
	if got := len(ws.Packages[0].Reads); got != maxFollowed {
		t.Errorf("%d files are followed", got)
	}
}

// TestEarlyHooksInSeveralFiles: those that the named one imports are inputs too,
// wherever in the workspace they are, but for manifests.
func TestEarlyHooksInSeveralFiles(t *testing.T) {
	files := scripted(`{}`, `{"postinstall": "node ../../tools/gen.mjs", "build": "node build.js"}`, "apps/web/build.js", "",
		"tools/lib/x.ts", "import '../../package.json'\nimport './deeper'", "tools/lib/deeper.mts", "export default 1")
	before, err := Find(files, Options{HooksEarly: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"tools/gen.mjs", "tools/lib/x.ts", "tools/lib/deeper.mts", "tools/z.json", "tools/y/index.js"} {
		if !slices.Contains(inputPaths(before), want) {
			t.Errorf("%s is no input of %q", want, inputPaths(before))
		}
	}
	if slices.Contains(inputPaths(before), "apps/web/build.js") || strings.Contains(inputOf(t, before, "package.json"), "scripts") {
		t.Errorf("the inputs are %q", inputPaths(before))
	}
	files["tools/lib/deeper.mts"].Data = []byte("export default 2")
	after, err := Find(files, Options{HooksEarly: true})
	if err != nil || inputOf(t, before, "tools/lib/deeper.mts") == inputOf(t, after, "tools/lib/deeper.mts") {
		t.Errorf("an edit of what is imported is no other input: %v", err)
	}
}
