package workspace

import (
	"slices"
	"strings"
	"testing"
)

// added gives the inputs beyond those that each of these workspaces has.
func added(t *testing.T, pairs ...string) map[string]string {
	t.Helper()
	ws := mustFind(t, with(pairs...))
	out := map[string]string{}
	for _, in := range ws.Inputs {
		if !strings.HasSuffix(in.Path, manifestFile) && in.Path != "pnpm-lock.yaml" && in.Path != settingsFile {
			out[in.Path] = string(in.Data)
		}
	}
	return out
}

func TestInputsAsTheyAre(t *testing.T) {
	settings := "packages: [apps/*]\npnpmfile: [hooks/a.cjs, ./hooks/b.cjs]\npatchedDependencies: {a@1: patches/a.patch}\n# comment\n"
	root := `{"packageManager": "pnpm@10.28.0", "pnpm": {"patchedDependencies": {"b@1": "./patches/b.patch"}}}`
	got := added(t, "pnpm-workspace.yaml", settings, "package.json", root, ".npmrc", "x=1\r\npnpmfile='hooks/c.cjs'\n", ".pnpmfile.cjs", "d",
		"hooks/a.cjs", "a", "hooks/b.cjs", "b", "hooks/c.cjs", "c", "hooks/unused.cjs", "", "patches/a.patch", "pa", "patches/b.patch", "pb")
	same(t, map[string]string{".npmrc": "x=1\r\npnpmfile='hooks/c.cjs'\n", ".pnpmfile.cjs": "d", "hooks/a.cjs": "a", "hooks/b.cjs": "b",
		"hooks/c.cjs": "c", "patches/a.patch": "pa", "patches/b.patch": "pb"}, got)
	ws := mustFind(t, with("pnpm-workspace.yaml", "packages: [apps/*]\n# comment\n"))
	same(t, "packages: [apps/*]\n# comment\n", inputOf(t, ws, settingsFile))
}

func TestInputsOfCommands(t *testing.T) {
	shebang := "#!/usr/bin/env node\n"
	got := added(t,
		"apps/one/package.json", `{"name": "one", "bin": "cli.js"}`, "apps/one/cli.js", shebang+"body\n", "apps/one/other.js", shebang,
		"apps/two/package.json", `{"bin": {"a": "./bin/a.mjs", "b": "bin/plain.js", "c": "dist/built.js", "d": "../one/cli.js", "e": "../../../x", "f": 1, "g": "."}}`,
		"apps/two/bin/a.mjs", "#!/usr/bin/env -S node --flag\r\nbody", "apps/two/bin/plain.js", "console.log(1)\n",
		"apps/three/package.json", `{"directories": {"bin": "cmds"}}`, "apps/three/cmds/x", "#!/bin/sh", "apps/three/cmds/sub/y", "\n"+shebang,
		"apps/four/package.json", `{"directories": {"bin": "missing"}}`, "apps/five/package.json", `{"directories": {"bin": "../../.."}}`,
		"apps/six/package.json", `{"bin": "package.json"}`, "apps/seven/package.json", `{"bin": "x"}`, "apps/seven/x", "#!"+strings.Repeat("x", 300))
	same(t, map[string]string{
		"apps/one/cli.js": shebang, "apps/two/bin/a.mjs": "#!/usr/bin/env -S node --flag\n", "apps/two/bin/plain.js": "",
		"apps/three/cmds/x": "#!/bin/sh\n", "apps/three/cmds/sub/y": "", "apps/seven/x": "#!" + strings.Repeat("x", 254) + "\n",
	}, got)
}

// The body of a command is no input, its first line is.
func TestInputsOfCommandsFollowTheFirstLine(t *testing.T) {
	command := func(text string) string {
		return added(t, "apps/a/package.json", `{"name": "a", "bin": "x"}`, "apps/a/x", text)["apps/a/x"]
	}
	one := command("#!/bin/sh\none")
	same(t, one, command("#!/bin/sh\nanother"))
	if one == command("#!/bin/bash\none") {
		t.Error("what runs the command is no input")
	}
}

func TestInputsOfLocalPackages(t *testing.T) {
	got := added(t, "apps/a/package.json", `{"dependencies": {"x": "file:../../vendor/x.tgz", "y": "file:./y"}, "peerDependencies": {"z": "file:../none"}}`,
		"vendor/x.tgz", "tarball", "apps/a/y/index.js", "code", "apps/a/y/node_modules/z/f", "", "apps/a/z", "")
	same(t, map[string]string{"vendor/x.tgz": "tarball", "apps/a/y/index.js": "code"}, got)
	ws := mustFind(t, with("apps/a/package.json", `{"dependencies": {"y": "file:y"}}`, "apps/a/y/package.json", `{"scripts": {"install": "x"}}`))
	same(t, `{"scripts": {"install": "x"}}`, inputOf(t, ws, "apps/a/y/package.json"))
}

func TestInputsOfOwnLocks(t *testing.T) {
	files := []string{"apps/a/package.json", "{}", "apps/a/pnpm-lock.yaml", "own"}
	same(t, map[string]string{}, added(t, files...))
	npmrc := append(slices.Clone(files), ".npmrc", "shared-workspace-lockfile=false\n")
	same(t, map[string]string{"apps/a/pnpm-lock.yaml": "own", ".npmrc": "shared-workspace-lockfile=false\n"}, added(t, npmrc...))
	files = append(files, "pnpm-workspace.yaml", "packages: [apps/*]\nsharedWorkspaceLockfile: false\n")
	same(t, map[string]string{"apps/a/pnpm-lock.yaml": "own"}, added(t, files...))
}

func TestInputsAreStable(t *testing.T) {
	pairs := []string{"apps/b/package.json", `{"bin": {"x": "1", "y": "2"}}`, "apps/b/1", "", "apps/b/2", "", "apps/a/package.json", `{"name": "a"}`}
	first := mustFind(t, with(pairs...))
	for range 20 {
		same(t, first, mustFind(t, with(pairs...)))
	}
}
