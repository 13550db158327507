package workspace

import (
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// pnpm runs the real pnpm, which it gets from npm.
type pnpm struct {
	t             *testing.T
	script, store string
}

func newPnpm(t *testing.T) pnpm {
	t.Helper()
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Fatalf("cannot find %s: run: apt-get install nodejs npm", program)
		}
	}
	dir := t.TempDir()
	run(t, dir, "npm", "install", "--prefix", dir, "--no-audit", "--no-fund", "--loglevel=error", "pnpm@10.28.0")
	return pnpm{t, filepath.Join(dir, "node_modules/pnpm/bin/pnpm.cjs"), filepath.Join(dir, "store")}
}

func (p pnpm) install(dir string, args ...string) string {
	p.t.Helper()
	return run(p.t, dir, "node", append([]string{p.script, "install", "--store-dir", p.store}, args...)...)
}

func run(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "CI=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// real is a workspace of two members and two packages of the registry.
func real() []string {
	return []string{
		"package.json", `{"name": "top", "version": "7.0.0", "private": true, "packageManager": "pnpm@10.28.0", "scripts": {"postinstall": "touch ran-top"}}`,
		"pnpm-workspace.yaml", "packages: [apps/*, packages/*]\n",
		"apps/web/package.json", `{"name": "web", "version": "1.0.0", "type": "module", "description": "x", "main": "main.js",
			"scripts": {"prepare": "touch ran-web", "start": "node main.js"}, "dependencies": {"@w/lib": "workspace:^2.0.0", "is-number": "7.0.0"}}`,
		"apps/web/main.js", "import lib from '@w/lib'; import isNumber from 'is-number'; console.log(lib('2 days'), isNumber(1))\n",
		"packages/lib/package.json", `{"name": "@w/lib", "version": "2.3.4", "main": "index.js", "bin": {"w-tool": "bin/tool.js", "w-built": "dist/built.js"}, "dependencies": {"ms": "2.1.3"}}`,
		"packages/lib/index.js", "module.exports = require('ms')\n",
		"packages/lib/bin/tool.js", "#!/usr/bin/env node\nconsole.log('the tool runs')\n",
	}
}

func write(t *testing.T, dir string, pairs ...string) {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		p := filepath.Join(dir, pairs[i])
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(pairs[i+1]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// installed lists what an install made below dir: links, launchers and files
// of packages, with the folder's own name taken out.
func installed(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(dir, p)
		if err != nil || d.IsDir() || !strings.Contains("/"+rel, "/node_modules/") {
			return err
		}
		if base := filepath.Base(p); base == ".modules.yaml" || base == ".pnpm-workspace-state-v1.json" {
			return nil // times, and versions that are not compared
		}
		if d.Type() == fs.ModeSymlink {
			found[rel], err = os.Readlink(p)
			return err
		}
		data, err := os.ReadFile(p)
		found[rel] = strings.ReplaceAll(string(data), dir, "DIR")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// What is found of a workspace installs as the workspace itself does: frozen,
// with the same links and launchers, and no script run before the source is there.
func TestInputsInstallWithPnpm(t *testing.T) {
	p, whole, layer := newPnpm(t), t.TempDir(), t.TempDir()
	write(t, whole, real()...)
	p.install(whole, "--no-frozen-lockfile")
	ws := mustFind(t, os.DirFS(whole))
	for _, in := range ws.Inputs {
		write(t, layer, in.Path, string(in.Data))
	}
	p.install(layer, "--frozen-lockfile", "--offline")
	same(t, installed(t, whole), installed(t, layer))
	for _, ran := range []string{"ran-top", "apps/web/ran-web"} {
		if _, err := os.Stat(filepath.Join(layer, ran)); err == nil {
			t.Errorf("%s: a script ran before its source was there", ran)
		}
		if _, err := os.Stat(filepath.Join(whole, ran)); err != nil {
			t.Errorf("the hook is none: %v", err)
		}
	}
	same(t, []string{"postinstall"}, ws.Packages[0].Hooks)
	same(t, []string{"prepare"}, ws.Packages[1].Hooks)

	write(t, layer, real()...)
	same(t, "172800000 true\n", run(t, filepath.Join(layer, "apps/web"), "node", "main.js"))
	same(t, "the tool runs\n", run(t, filepath.Join(layer, "apps/web"), "node_modules/.bin/w-tool"))
	if lock, err := os.ReadFile(filepath.Join(layer, "pnpm-lock.yaml")); err != nil || string(lock) != inputOf(t, ws, "pnpm-lock.yaml") {
		t.Errorf("the install rewrote the lock: %v", err)
	}
	linkBuilt(t, p, layer)
}

// linkBuilt checks what the comment of commands says of a command that a build makes.
func linkBuilt(t *testing.T, p pnpm, layer string) {
	t.Helper()
	launcher := filepath.Join(layer, "apps/web/node_modules/.bin/w-built")
	if _, err := os.Stat(launcher); err == nil {
		t.Error("pnpm made a launcher for a command that is not there")
	}
	write(t, layer, "packages/lib/dist/built.js", "#!/usr/bin/env node\nconsole.log('built')\n")
	p.install(layer, "--frozen-lockfile", "--offline")
	same(t, "built\n", run(t, layer, launcher))
}

// These edits change nothing that an install reads.
func TestEditsThatDoNotReinstall(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, append(real(), "pnpm-lock.yaml", "lockfileVersion: '9.0'\n")...)
	before := mustFind(t, os.DirFS(dir)).Inputs
	for _, edit := range [][3]string{
		{"apps/web/package.json", `"version": "1.0.0"`, `"version": "1.0.1"`},
		{"packages/lib/package.json", `"version": "2.3.4"`, `"version": "2.4.0"`},
		{"apps/web/package.json", `"start": "node main.js"`, `"start": "node --watch main.js"`},
		{"apps/web/package.json", `"description": "x"`, `"description": "y"`},
		{"packages/lib/bin/tool.js", "the tool runs", "another text"},
		{"apps/web/main.js", "2 days", "3 days"},
	} {
		p := filepath.Join(dir, edit[0])
		data, err := os.ReadFile(p)
		if err != nil || !strings.Contains(string(data), edit[1]) {
			t.Fatalf("%s has no %s: %v", edit[0], edit[1], err)
		}
		write(t, dir, edit[0], strings.Replace(string(data), edit[1], edit[2], 1))
		same(t, before, mustFind(t, os.DirFS(dir)).Inputs)
	}
}
