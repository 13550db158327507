package workspace

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestHooksSee: of the root's scripts its manifest keeps what lifecycle scripts run by
// name; all of it where one may know more.
func TestHooksSee(t *testing.T) {
	for _, c := range []struct{ root, web, want string }{
		{`{"test": "vitest"}`, `{"prepare": "node gen.js"}`, ""},
		{`{"test": "vitest"}`, `{"prepare": "tsc -p ../../tsconfig.base.json && svelte-kit sync"}`, ""},
		{`{"prepare": "husky", "test": "vitest"}`, `{}`, "prepare"},
		{`{"prepare": "husky install .husky || true", "husky": "echo", "prehusky": "echo", "test": "x"}`, `{}`, "husky prehusky prepare"},
		{`{"prepare": "npx husky", "test": "x"}`, `{"postinstall": "unbuild --stub"}`, "prepare"},
		{`{"postinstall": "npm run gen && pnpm gen2", "gen": "cp a b", "pregen": "rm -f b", "gen2": "echo", "test": "x"}`, `{}`, "gen gen2 postinstall pregen"},
		{`{"postinstall": "node tools/plain.js; sh scripts/setup.sh", "test": "x"}`, `{}`, "all"}, // sh runs anything
		{`{"postinstall": "node tools/plain.js", "test": "x"}`, `{}`, "postinstall"},
		// May know more:
		{`{"postinstall": "run-s 'gen:*'", "gen:a": "a"}`, `{}`, "all"},
		{`{"postinstall": "npm run gen:all", "gen:a": "a"}`, `{}`, "all"},
		{`{"postinstall": "npx run-s x"}`, `{}`, "all"},
		{`{"postinstall": "node tools/walks.js", "test": "x"}`, `{}`, "all"}, // **/package.json
		{`{"postinstall": "node -p \"require('./package').scripts\"", "test": "x"}`, `{}`, "all"},
		{`{"test": "x"}`, `{"prepare": "node -p \"require('../../package.json').scripts\""}`, "all"},
		{`{"test": "x"}`, `{"prepare": "cd ../.. && npm run test"}`, "all"},
		{`{"test": "x"}`, `{"prepare": "npm --prefix=../.. run test"}`, "all"},
		{`{"test": "x"}`, `{"prepare": "node ../../tools/runs.js"}`, "all"},
		{`{"test": "x"}`, `{"prepare": "node $INIT_CWD/tools/plain.js"}`, "all"},
		{`{"postinstall": "node tools/runs", "test": "x"}`, `{}`, "all"}, // runs.js
		{`{"test": "x"}`, `{"prepare": "tsx ../../tools/runs"}`, "all"},
		{`{"postinstall": "node node_modules/.bin/concurrently x", "test": "x"}`, `{}`, "all"}, // of a package
		{`{"postinstall": "node .", "test": "x"}`, `{}`, "all"},
		{`{"postinstall": "node tools/plain", "test": "x"}`, `{}`, "postinstall"},
		{`{"postinstall": "node -r dotenv/config tools/plain.js", "test": "x"}`, `{}`, "postinstall"},
		// A member runs what is the root's:
		{`{"g:gen": "x", "test": "x"}`, `{"postinstall": "yarn g:gen"}`, "all"},
		{`{"gen": "x"}`, `{"postinstall": "pnpm --workspace-root gen"}`, "all"},
		{`{"gen": "x"}`, `{"postinstall": "npm run gen", "gen": "y"}`, ""}, // its own
		{`{"gen": "x"}`, `{"postinstall": "pnpm --workspace-root run gen", "gen": "y"}`, "all"},
		// No lifecycle scripts:
		{`{"test": "x"}`, `{"test": "x"}`, "all"},
	} {
		ws := mustFind(t, scripted(c.root, c.web))
		got := "all"
		if ws.HooksSee != nil {
			var m struct {
				PackageManager string
				Scripts        map[string]string
			}
			if err := json.Unmarshal(ws.HooksSee["."], &m); err != nil || m.PackageManager != "pnpm@10.28.0" {
				t.Errorf("%s: %v in %s", c.root, err, ws.HooksSee)
			}
			got = strings.Join(sortedKeys(m.Scripts), " ")
		}
		if got != c.want {
			t.Errorf("%s and %s see %q, want %q", c.root, c.web, got, c.want)
		}
	}
}

// TestWithScripts: all but the scripts is as it was written, in its order.
func TestWithScripts(t *testing.T) {
	for data, want := range map[string]string{
		`{}`: "{\n}\n",
		`{"scripts": {"b": "2", "a": "<1>"}, "exports": {"z": 1.0, "a": [ 2 ]},"type" : "module"}`: "{\n  \"scripts\": {\n  \"a\": \"<1>\"\n},\n  \"exports\": {\"z\": 1.0, \"a\": [ 2 ]},\n  \"type\": \"module\"\n}\n",
		"\ufeff{\n  \"x\\\"y\": null,\n  \"scripts\": {\"b\": \"2\"}\n}":                           "{\n  \"x\\\"y\": null\n}\n",
	} {
		m, faults := parseManifest("package.json", []byte(data))
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		var keep []string
		if _, ok := m.table("scripts")["a"]; ok {
			keep = []string{"a"}
		}
		got := string(m.withScripts(keep))
		if got != want || !json.Valid([]byte(got)) {
			t.Errorf("%s became\n%s", data, got)
		}
	}
}

// TestReadsManifests: texts that may have to do with scripts, and such as have not.
func TestReadsManifests(t *testing.T) {
	for text, want := range map[string]bool{
		"spawnSync(process.env.npm_execpath, ['run', 'gen'])": true, "execSync('node --run gen')": true, "execSync('run-p gen:*')": true,
		"import { readPackageUp } from 'read-package-up'": true, "import { readPackageJSON } from 'pkg-types'": true, "require('pkg-dir')": true,
		"import PackageJson from '@npmcli/package-json'": true, "const root = process.env.PROJECT_CWD": true, "execSync(`corepack yarn gen`)": true,
		"require('../package')": true, "loadJson('package.json')": true, "writePackageSync(dir, data)": true,
		"import fs from 'node:fs'\nfs.cpSync('packages/a', 'b')": false, "run('tsc', ['--noEmit'])": false, "/* of the package */": false, "--runtime": false,
	} {
		if readsManifests(text) != want {
			t.Errorf("%s: %t", text, !want)
		}
	}
}

// TestHooksSeeMembers: of members without lifecycle scripts no script is seen, but
// of one that a script names.
func TestHooksSeeMembers(t *testing.T) {
	for web, want := range map[string]string{
		`{"prepare": "node main.js", "test": "x"}`:      ". packages/cli packages/lib",
		`{"prepare": "cp -r ../../packages/cli/bin ."}`: ". packages/lib",
		`{"prepare": "node ../../tools/lists.mjs"}`:     ".", // it speaks of packages
		`{"prepare": "pnpm --filter cli build"}`:        ". packages/lib",
		`{"prepare": "cd ../../packages/lib; npm run"}`: ". packages/cli",
	} {
		ws := mustFind(t, scripted(`{}`, web, "packages/cli/package.json", `{"type": "module", "scripts": {"build": "x"}, "name": "cli"}`))
		if got := strings.Join(sortedKeys(ws.HooksSee), " "); got != want {
			t.Errorf("%s: %s", web, got)
		}
		if seen, ok := ws.HooksSee["packages/cli"]; ok && string(seen) != "{\n  \"type\": \"module\",\n  \"name\": \"cli\"\n}\n" {
			t.Errorf("%s: of cli is seen %s", web, seen)
		}
	}
}
