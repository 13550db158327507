package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// otherManagers brings workspaces of every package manager up, with the store
// that b has filled: one of npm with those of yarn classic, bun and pnpm nested in
// it, and one of yarn that makes no node_modules.
func otherManagers(t *testing.T, b *box) {
	t.Run("npm, yarn classic, bun and pnpm", func(t *testing.T) {
		m := managersBox(t, b, "mixed", `  nested:
    - {dir: classic, allow-scripts: [built]}
    - {dir: bun}
    - {dir: pnpm, fetch: apart}
  build:
    - run: (node apps/web/main.js; cat apps/web/hooked; node_modules/.bin/lib-tool; cd classic/b; node main.js; cd ../../bun/app; bun main.js; cd ../../pnpm/app; node main.js) > said
`)
		m.up(t)
		m.says(t, "cat said", "npm 172800000\nnpm 172800000\nthe tool runs\nyarn classic built\nbun 172800000\npnpm 172800000\n")
		m.says(t, "npm --version; yarn --version; bun --version; cd pnpm; pnpm --version | cut -d. -f1,2", "11.21.2\n1.22.22\n1.4.5\n10.28\n")
		for _, lock := range []string{"package-lock.json", "classic/yarn.lock", "bun/bun.lock", "pnpm/pnpm-lock.yaml"} {
			m.sameFile(t, lock)
		}
		m.edit(t, "pnpm/app/package.json", `"version": "1.0.0"`, `"version": "1.0.1", "scripts": {"start": "node main.js"}`)
		m.edit(t, "apps/web/main.js", "npm", "edited")
		progress, _ := m.up(t)
		for _, step := range []string{"install the workspace's dependencies", "install the dependencies of classic", "install the dependencies of bun", "install the dependencies of pnpm"} {
			cached(t, progress, step)
		}
		m.says(t, "head -n 2 said", "edited 172800000\nedited 172800000\n")
		m.edit(t, "pnpm/app/package.json", `"version": "1.0.1"`, `"version": "1.0.1", "engines": {"node": ">=18"}`)
		progress, _ = m.up(t)
		cached(t, progress, "fetch the dependencies of pnpm")
		if !regexp.MustCompile(`(?m)^install pnpm is made again: engines.node >=18 added in pnpm/app/package.json$`).MatchString(progress) {
			t.Errorf("the install that was to be made again, over what was fetched:\n%s", progress)
		}
		m.edit(t, "bun/app/main.js", "bun", "elsewhere")
		progress, _ = m.up(t)
		cached(t, progress, "run the workspace's lifecycle scripts")
		m.says(t, "head -n 5 said | tail -n 1", "elsewhere 172800000\n")
		m.edit(t, "apps/web/main.js", "edited", "synced")
		if out, stderr, code := m.run(t, "sync"); code != 0 || !strings.Contains(stderr, "lifecycle scripts: apps/web/main.js changed") {
			t.Errorf("%d: %s%s", code, out, stderr)
		}
		m.says(t, "cat apps/web/hooked", "synced 172800000\n")
	})
	t.Run("yarn", func(t *testing.T) {
		m := managersBox(t, b, "berry", "  build:\n    - run: cd app && yarn node main.js > ../said && yarn lib-tool >> ../said\n")
		m.up(t)
		m.says(t, "cat said app/hooked; yarn --version; ls -d node_modules 2>&1 | tail -c 26", "yarn 172800000\nthe tool runs\nyarn 172800000\n4.18.1\nNo such file or directory\n")
		m.sameFile(t, "yarn.lock")
	})
}

// managersBox is a project of testdata/managers, locked as far as b's is.
func managersBox(t *testing.T, b *box, name, workspace string) *box {
	t.Helper()
	m := &box{dir: filepath.Join(t.TempDir(), name), home: b.home, bin: b.bin}
	must(t, os.CopyFS(m.dir, os.DirFS(filepath.Join("testdata/managers", name))))
	t.Cleanup(func() { m.run(t, "down") })
	m.configure(t, b, name, workspace)
	return m
}

// configure writes the file and the lock of a project, with the base and the
// node of b.
func (m *box) configure(t *testing.T, b *box, name, workspace string) {
	t.Helper()
	lock, err := os.ReadFile(filepath.Join(b.dir, "sandwright.lock"))
	must(t, err)
	m.write(t, "sandwright.lock", regexp.MustCompile(`(?m)^manager: .*\n`).ReplaceAllString(string(lock), ""))
	example, err := os.ReadFile(filepath.Join(b.dir, "sandwright.yaml"))
	must(t, err)
	base := regexp.MustCompile(`(?ms)^base:\n.*?^\n`).FindString(string(example))
	node := regexp.MustCompile(`(?m)^  node: .*\n`).FindString(string(example))
	m.write(t, "sandwright.yaml", "name: "+name+"\n"+base+"git: none\ntools:\n"+node+"workspace:\n"+workspace+"services:\n  web: {command: [sleep, \"1000\"]}\n")
	if out, stderr, code := m.run(t, "lock"); code != 0 {
		t.Fatalf("%d: %s%s", code, out, stderr)
	}
}

// sameFile holds a file of the box against the project's.
func (b *box) sameFile(t *testing.T, name string) {
	t.Helper()
	want, err := os.ReadFile(filepath.Join(b.dir, name))
	must(t, err)
	if out, stderr, code := b.run(t, "exec", "cat", name); code != 0 || strings.TrimSpace(out) != strings.TrimSpace(string(want)) {
		t.Errorf("%s of the box is\n%s%s", name, out, stderr)
	}
}
