package plan

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sandwright/sandwright/internal/config"
	"github.com/sandwright/sandwright/internal/workspace"
)

// A real package manager, and how it writes its lock file for the first time.
type realManager struct {
	name    string // of the workspace's case
	says    string // packageManager
	program string // below the folder that npm installs into
	lock    []string
	asks    string // by which one member asks for another
	files   []string
}

// The versions are exact: what they do is what the rules were written for.
func realManagers() []realManager {
	return []realManager{
		{"npm", "npm@11.21.2", "npm11/bin/npm-cli.js", []string{"install"}, "^2.0.0", nil},
		{"npm 12", "npm@12.2.1", "npm12/bin/npm-cli.js", []string{"install"}, "^2.0.0", nil},
		{"yarn classic", "yarn@1.22.22", "yarn1/bin/yarn.js", []string{"install"}, "^2.0.0", nil},
		{"yarn", "yarn@4.18.1", "berry/bin/yarn.js", []string{"install"}, "workspace:^2.0.0", []string{".yarnrc.yml", "nodeLinker: node-modules\n"}},
		{"yarn pnp", "yarn@4.18.1", "berry/bin/yarn.js", []string{"install"}, "workspace:^", nil},
		{"bun", "bun@1.4.5", "bun/bin/bun", []string{"install"}, "workspace:*", nil},
		{"pnpm 8", "pnpm@8.6.12", "pnpm8/bin/pnpm.cjs", []string{"install", "--no-frozen-lockfile"}, "workspace:*", pnpmList("8.6.12")},
		{"pnpm 9", "pnpm@9.15.9", "pnpm9/bin/pnpm.cjs", []string{"install", "--no-frozen-lockfile"}, "workspace:*", pnpmList("9.15.9")},
		{"pnpm 10", "pnpm@10.28.0", "pnpm10/bin/pnpm.cjs", []string{"install", "--no-frozen-lockfile"}, "workspace:*",
			[]string{"pnpm-workspace.yaml", "packages: [apps/*, packages/*]\nonlyBuiltDependencies: [loc]\n",
				"package.json", `{"name": "top", "version": "7.0.0", "private": true, "packageManager": "pnpm@10.28.0", "scripts": {"postinstall": "case \"$npm_config_offline$pnpm_config_offline\" in *true*) ;; *) touch ran-top;; esac"}}`}},
		{"pnpm", "pnpm@11.28.11", "pnpm11/bin/pnpm.mjs", []string{"install", "--no-frozen-lockfile"}, "workspace:*",
			pnpmBuilds()},
		{"pnpm 12", "pnpm@12.21.0", "pnpm12/pnpm", []string{"install", "--no-frozen-lockfile"}, "workspace:*", pnpmBuilds()},
	}
}

// pnpmList is how pnpm before 10 is told of the workspace. Its lock file has a
// hash of the extensions, 8.6's in the order in which they are written.
func pnpmList(version string) []string {
	return []string{"pnpm-workspace.yaml", "packages: [apps/*, packages/*]\n", "package.json", `{"name": "top", "version": "7.0.0", "private": true,
		"packageManager": "pnpm@` + version + `", "scripts": {"postinstall": "case \"$npm_config_offline$pnpm_config_offline\" in *true*) ;; *) touch ran-top;; esac"},
		"pnpm": {"packageExtensions": {"ms": {"peerDependenciesMeta": {"x": {"optional": true}}, "dependencies": {"is-number": "7.0.0"}}, "is-number": {"peerDependenciesMeta": {"y": {"optional": true}}}}}}`}
}

// pnpmBuilds is how pnpm from 11 on is told of the workspace, and which scripts may run.
func pnpmBuilds() []string {
	return []string{"pnpm-workspace.yaml", "packages: [apps/*, packages/*]\nallowBuilds: {\"loc@file:vendor/loc.tgz\": true, \"other@file:vendor/other.tgz\": false}\nverifyDepsBeforeRun: error\n"}
}

// installedManagers brings them from npm, and gives the folder.
func installedManagers(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	node := map[string]string{"amd64": "x64", "arm64": "arm64"}[runtime.GOARCH] // pnpm 11 wants more than Debian's
	bun := map[string]string{"amd64": "x64", "arm64": "aarch64"}[runtime.GOARCH]
	must(t, run(t, dir, nil, "npm", "install", "--prefix", dir, "--no-audit", "--no-fund", "--loglevel=error", "--ignore-scripts",
		"npm11@npm:npm@11.21.2", "npm12@npm:npm@12.2.1", "yarn1@npm:yarn@1.22.22", "berry@npm:@yarnpkg/cli-dist@4.18.1",
		"pnpm8@npm:pnpm@8.6.12", "pnpm9@npm:pnpm@9.15.9", "pnpm10@npm:pnpm@10.28.0", "pnpm11@npm:pnpm@11.28.11", "pnpm12@npm:@pnpm/exe.linux-"+node+"@12.21.0", "node22@npm:node-linux-"+node+"@22.23.3", "bun@npm:@oven/bun-linux-"+bun+"@1.4.5"))
	return filepath.Join(dir, "node_modules")
}

func orElse(s, other string) string {
	if s != "" {
		return s
	}
	return other
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// run gives what a command said as its error.
func run(t *testing.T, dir string, env []string, name string, args ...string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env, cmd.WaitDelay = dir, append(append(os.Environ(), "CI=1", "YARN_ENABLE_TELEMETRY=0"), env...), time.Second
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return nil
}

// An installation is one workspace, and all that a package manager needs beside it.
type installation struct {
	realManager
	t       *testing.T
	bin     string // the folder on PATH with the package manager
	store   string
	whole   string // the folder of the workspace
	at      string // where it is installed; empty: in a folder of its own
	options workspace.Options
	say     config.Installing
}

// workspaceOf writes a workspace of two members, a local package whose install
// script is allowed, one whose script is not, and two packages of the registry;
// files are over it.
func workspaceOf(t *testing.T, managers string, m realManager, files ...string) *installation {
	t.Helper()
	dir := t.TempDir()
	i := &installation{realManager: m, t: t, bin: filepath.Join(dir, "bin"), store: filepath.Join(dir, "store"), whole: filepath.Join(dir, "whole")}
	name, _, _ := strings.Cut(m.says, "@")
	shim := fmt.Sprintf("#!/bin/sh\nexec \"$(dirname \"$0\")/node\" %q \"$@\"\n", filepath.Join(managers, m.program))
	if name == "bun" || m.name == "pnpm 12" { // which are no scripts
		shim = fmt.Sprintf("#!/bin/sh\nexec %q \"$@\"\n", filepath.Join(managers, m.program))
	}
	write(t, i.bin, name, shim)
	must(t, os.Symlink(filepath.Join(managers, "node22/bin/node"), filepath.Join(i.bin, "node")))
	must(t, os.Chmod(filepath.Join(i.bin, name), 0o755))
	lists := `"workspaces": ["apps/*", "packages/*"],`
	if name == "pnpm" {
		lists = ""
	}
	write(t, i.whole,
		"package.json", `{"name": "top", "version": "7.0.0", "private": true, "packageManager": "`+m.says+`", `+lists+` "trustedDependencies": ["loc"],
			"allowScripts": {"loc@3.0.0": true, "other@2.9.9": true}, "dependenciesMeta": {"loc": {"built": true}}, "scripts": {"postinstall": "touch ran-top"}}`,
		"apps/web/package.json", `{"name": "web", "version": "1.0.0", "description": "x", "scripts": {"postinstall": "node main.js > ran-web", "start": "node main.js"},
			"dependencies": {"@w/lib": "`+m.asks+`", "is-number": "7.0.0", "loc": "file:../../vendor/loc.tgz", "other": "file:../../vendor/other.tgz"}}`,
		"apps/web/main.js", "console.log(require('@w/lib')('2 days'), require('is-number')(1))\n",
		"packages/lib/package.json", `{"name": "@w/lib", "version": "2.3.4", "license": "MIT", "main": "index.js", "bin": {"w-tool": "bin/tool.js"}, "dependencies": {"ms": "2.1.3"}}`,
		"packages/lib/index.js", "module.exports = require('ms')\n",
		"packages/lib/bin/tool.js", "#!/usr/bin/env node\nconsole.log('the tool runs')\n",
		"packages/idle/package.json", `{"name": "idle", "version": "1.0.0", "main": "index.js"}`, "packages/idle/index.js", "",
	)
	for _, name := range []string{"loc", "other"} {
		write(t, dir, "package/package.json", `{"name": "`+name+`", "version": "3.0.0", "scripts": {"postinstall": "touch ran-`+name+`"}}`)
		must(t, run(t, dir, nil, "tar", "-czf", filepath.Join(i.whole, "vendor", name+".tgz"), "--mtime=@0", "package"))
	}
	write(t, i.whole, append(m.files, files...)...)
	if name == "yarn" {
		write(t, i.whole, "yarn.lock", "") // without one, yarn looks for a project above
	}
	if m.name == "yarn classic" || m.name == "pnpm 8" || m.name == "pnpm 9" {
		i.say.AllowScripts = []string{"loc"}
	}
	return i
}

func write(t *testing.T, dir string, pairs ...string) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Join(dir, "vendor"), 0o755))
	for i := 0; i < len(pairs); i += 2 {
		p := filepath.Join(dir, pairs[i])
		must(t, os.MkdirAll(filepath.Dir(p), 0o755))
		must(t, os.WriteFile(p, []byte(pairs[i+1]), 0o644))
	}
}

// program is the name on PATH.
func (i *installation) program() string {
	name, _, _ := strings.Cut(i.says, "@")
	return name
}

func (i *installation) path() string { return "PATH=" + i.bin + ":" + os.Getenv("PATH") }

// makeLock writes the lock file, as a developer would, who tries again where a
// registry has answered badly.
func (i *installation) makeLock() {
	i.t.Helper()
	var err error
	for range 3 {
		if err = run(i.t, i.whole, []string{i.path(), "YARN_ENABLE_IMMUTABLE_INSTALLS=false", "CI="}, i.file(i.program()), i.lock...); err == nil {
			break
		}
	}
	must(i.t, err)
	must(i.t, os.Chmod(filepath.Join(i.whole, "packages/lib/bin/tool.js"), 0o644)) // as git has it
}

// plan finds the workspace and decides its install.
func (i *installation) plan() (*workspace.Workspace, Install) {
	i.t.Helper()
	ws, err := workspace.Find(os.DirFS(i.whole), i.options)
	must(i.t, err)
	_, version, _ := strings.Cut(i.says, "@")
	return ws, installOf(ws, i.say, version)
}

// in is a command of an install, in dir and not in a box.
func (i *installation) in(dir string, in Install, args []string) error {
	i.t.Helper()
	local := func(s string) string { return strings.ReplaceAll(s, in.Store, i.store) }
	env := []string{i.path()}
	for name, value := range in.Env {
		env = append(env, name+"="+local(value))
	}
	var words []string
	for _, a := range args {
		words = append(words, local(a))
	}
	return run(i.t, dir, env, i.file(words[0]), words[1:]...)
}

// file is where a program is.
func (i *installation) file(name string) string {
	if name == i.program() {
		return filepath.Join(i.bin, name)
	}
	return name
}

// layer installs over the inputs alone, and gives the folder.
func (i *installation) layer() (string, *workspace.Workspace, Install, error) {
	i.t.Helper()
	dir := orElse(i.at, filepath.Join(i.t.TempDir(), "layer"))
	ws, in := i.plan()
	for _, input := range ws.Inputs {
		write(i.t, dir, input.Path, string(input.Data))
	}
	for _, step := range in.Steps {
		if err := i.in(dir, in, step.Args); err != nil {
			return dir, ws, in, err
		}
		if in.After != "" {
			must(i.t, i.in(dir, in, []string{"/bin/sh", "-euc", in.After}))
		}
	}
	return dir, ws, in, nil
}

// everything is each file below dir as it is, and where each link leads.
func everything(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	must(t, filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(dir, p)
		if err != nil || d.IsDir() {
			return err
		}
		if d.Type() == fs.ModeSymlink {
			all[rel], err = os.Readlink(p)
			return err
		}
		data, err := os.ReadFile(p)
		all[rel] = string(data)
		return err
	}))
	return all
}

// again installs at another time into a folder of the same name, from a store that
// is full: the layer is the same to the byte.
func again(t *testing.T, i *installation, layer string) {
	t.Helper()
	before := everything(t, layer)
	must(t, os.Rename(layer, layer+" before"))
	second := *i
	second.at = layer
	_, _, _, err := second.layer()
	must(t, err)
	if diff := cmp.Diff(before, everything(t, layer)); diff != "" {
		t.Errorf("installed again (-before +after):\n%s", diff)
	}
}

// modulesOf lists what an install made below dir: links, launchers and files
// of packages, with the folder's own name taken out, and without what package
// managers note of times and of themselves.
func modulesOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	must(t, filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(dir, p)
		if err != nil || d.IsDir() || !strings.Contains("/"+rel, "/node_modules/") && rel != ".pnp.cjs" {
			return err
		}
		switch base := filepath.Base(p); {
		case base == ".modules.yaml", base == ".pnpm-workspace-state-v1.json", base == ".package-lock.json", base == ".yarn-integrity",
			base == ".yarn-state.yml", base == ".package-map.json", strings.HasPrefix(base, "ran-"), strings.Contains(rel, "node_modules/.pnpm/lock.yaml"):
			return nil
		}
		if d.Type() == fs.ModeSymlink {
			found[rel], err = os.Readlink(p)
			return err
		}
		data, err := os.ReadFile(p)
		found[rel] = strings.ReplaceAll(string(data), "../../../../packages/lib/bin/", "../@w/lib/bin/") // pnpm 8 and 9 write either
		for at, name := dir, "DIR"; at != os.TempDir() && at != "/"; at, name = filepath.Dir(at), "ABOVE "+name {
			found[rel] = strings.ReplaceAll(found[rel], at, name)
		}
		return err
	}))
	return found
}

// ran lists the marks of scripts.
func ran(t *testing.T, dir string) string {
	t.Helper()
	marks := map[string]bool{}
	must(t, filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasPrefix(d.Name(), "ran-") {
			marks[d.Name()] = true
		}
		return err
	}))
	var names []string
	for _, name := range []string{"ran-loc", "ran-other", "ran-top", "ran-web"} {
		if marks[name] {
			names = append(names, name)
		}
	}
	return strings.Join(names, " ")
}

// What is found of a workspace installs as the workspace itself does: frozen,
// with the same packages and launchers, with the install scripts of those
// dependencies alone that are allowed by name, and without a script of the
// workspace's own before its source is there. The lock stays as it is.
func TestInstallsWithTheRealManagers(t *testing.T) {
	managers := installedManagers(t)
	for _, m := range realManagers() {
		t.Run(m.name, func(t *testing.T) {
			i := workspaceOf(t, managers, m)
			i.makeLock()
			layer, ws, in, err := i.layer()
			must(t, err)
			if got := ran(t, layer); got != "ran-loc" {
				t.Errorf("scripts of the install: %q", got)
			}
			if m.name != "yarn pnp" { // its file says where the cache is, which is the project's own here
				if diff := cmp.Diff(modulesOf(t, i.whole), modulesOf(t, layer)); diff != "" {
					t.Errorf("(-whole +layer):\n%s", diff)
				}
			}
			i.unchangedLock(layer, ws)
			again(t, i, layer)
			in.sees(ws, ws, nil)
			i.source(layer, in)
			if i.program() == "pnpm" { // a script runs as it is, although the install knew no versions
				must(t, i.in(layer, in, []string{"/bin/sh", "-c", "unset CI; exec pnpm --filter web exec true"}))
			}
			if len(in.Hooks) == 0 {
				t.Fatal("there are hooks")
			}
			must(t, i.in(layer, in, in.Hooks))
			must(t, i.in(layer, in, []string{"/bin/sh", "-euc", in.After}))
			if got := ran(t, layer); got != "ran-loc ran-top ran-web" {
				t.Errorf("scripts in the end: %q", got)
			}
			if err := i.in(filepath.Join(layer, "apps/web"), in, []string{"/bin/sh", "-c", "PATH=node_modules/.bin:../../node_modules/.bin:$PATH w-tool"}); err != nil && m.name != "yarn pnp" {
				t.Errorf("a command of a package does not run: %v", err)
			}
			if said, err := os.ReadFile(filepath.Join(layer, "apps/web/ran-web")); err != nil || string(said) != "172800000 true\n" && m.name != "yarn pnp" {
				t.Errorf("web says %q, %v", said, err)
			}
			i.unchangedLock(layer, ws)
			editsUnread(t, i, ws)
			if i.program() == "pnpm" {
				upToDate(t, i, layer, in)
				t.Run("fetched apart", func(t *testing.T) { apart(t, i) })
			}
			if m.name == "pnpm 9" || m.name == "pnpm 11" {
				t.Run("scripts of several stages", func(t *testing.T) { stages(t, managers, m) })
			}
			if in.Env["pnpm_config_pm_on_fail"] != "" { // from 11 on
				verdict(t, i)
			}
			t.Run("hooks with the install", func(t *testing.T) { early(t, i) })
			t.Run("a member in the place of a package", func(t *testing.T) { standsIn(t, managers, m) })
		})
	}
}

// stages has scripts that only an install runs in their order, and one that fails.
func stages(t *testing.T, managers string, m realManager) {
	i := workspaceOf(t, managers, m, "package.json", `{"name": "top", "private": true, "packageManager": "`+m.says+`", "scripts": {"prepare": "echo prepare >> ran-top", "postinstall": "echo postinstall >> ran-top"}}`)
	i.makeLock()
	layer, ws, in, err := i.layer()
	must(t, err)
	in.sees(ws, ws, nil)
	i.source(layer, in)
	must(t, i.in(layer, in, in.Hooks))
	if said, err := os.ReadFile(filepath.Join(layer, "ran-top")); err != nil || string(said) != "postinstall\nprepare\n" || ran(t, layer) != "ran-loc ran-top ran-web" || in.Hooks[1] != "install" {
		t.Errorf("%q ran %q, %v", in.Hooks, said, err)
	}
	one := workspaceOf(t, managers, m, "package.json", `{"name": "top", "private": true, "packageManager": "`+m.says+`"}`, "apps/web/package.json", `{"name": "web"}`)
	one.makeLock()
	write(t, one.whole, "apps/web/package.json", `{"name": "web", "scripts": {"prepare": "exit 3", "preprepare": "touch ran-other"}}`)
	ws, in = one.plan()
	ws.Packages[slices.IndexFunc(ws.Packages, func(p workspace.Package) bool { return p.Name == "web" })].Hooks = []string{"prepare"}
	if err := one.in(one.whole, in, pnpmRun(ws)); err == nil || !strings.Contains(err.Error(), "apps/web prepare: Failed") || ran(t, one.whole) != "" {
		t.Errorf("it is not told which script failed, or another ran: %v, %q", err, ran(t, one.whole))
	}
}

// standsIn has a member that a package of the registry asks for by a range: its
// version decides whether it is the one that is meant, and so the lock file.
func standsIn(t *testing.T, managers string, m realManager) {
	i := workspaceOf(t, managers, m, "packages/wrappy/package.json", `{"name": "wrappy", "version": "1.0.2"}`,
		"packages/idle/package.json", `{"name": "idle", "version": "1.0.0", "dependencies": {"once": "1.4.0"}}`)
	i.makeLock()
	layer, ws, _, err := i.layer()
	must(t, err)
	i.unchangedLock(layer, ws)
}

// upToDate holds that pnpm, in the box and not in CI, takes what is installed for
// what its settings ask for: else it installs before each script, or not at all.
// The workspace's own scripts run again all the same, as a sync asks.
func upToDate(t *testing.T, i *installation, layer string, in Install) {
	t.Helper()
	asked := []string{"install --offline"}
	if !slices.Contains(in.Hooks, "run") { // an install has seen the manifests as they stand
		asked = append(asked, "--config.verify-deps-before-run=error exec true")
	}
	for _, args := range asked {
		must(t, i.in(layer, in, []string{"/bin/sh", "-c", "unset CI; exec pnpm " + args}))
	}
	must(t, os.Remove(filepath.Join(layer, "ran-top")))
	must(t, i.in(layer, in, append([]string{"/bin/sh", "-c", `unset CI; exec "$@"`, "sh"}, in.Hooks...)))
	if got := ran(t, layer); got != "ran-loc ran-top ran-web" {
		t.Errorf("scripts that run again: %q", got)
	}
}

// verdict looks for what pnpm 11 remembers of a lock file that its policies were
// held against: it is kept with the store, and not made where the lock is trusted.
func verdict(t *testing.T, i *installation) {
	t.Helper()
	kept, err := filepath.Glob(filepath.Join(i.store, "cache", "lockfile-verified.jsonl"))
	if err != nil || len(kept) != 1 {
		t.Fatalf("no verdict is kept: %v, %v", kept, err)
	}
	must(t, os.Remove(kept[0]))
	trusting := *i
	trusting.say.TrustLockfile = true
	_, _, in, err := trusting.layer()
	must(t, err)
	if _, err := os.Stat(kept[0]); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%q held its policies against the lock: %v", in.Steps[0].Args, err)
	}
}

// source lays what the lifecycle scripts see of the workspace over a layer, as a
// build does: there is no more of a package than its manifest that none reads.
func (i *installation) source(layer string, in Install) {
	i.t.Helper()
	for _, p := range []string{"package.json", "apps/web/package.json", "apps/web/main.js", "packages/lib/package.json", "packages/lib/index.js", "packages/lib/bin/tool.js",
		"packages/idle/package.json", "packages/idle/index.js"} {
		if !meets(p, in.Inputs) {
			continue
		}
		data, err := os.ReadFile(filepath.Join(i.whole, p))
		must(i.t, err)
		write(i.t, layer, p, string(data))
	}
	for name, data := range in.Manifests {
		write(i.t, layer, name, string(data))
	}
	ws, _ := i.plan()
	for _, p := range ws.Commands {
		must(i.t, os.Chmod(filepath.Join(layer, p), 0o755))
	}
	if _, err := os.Stat(filepath.Join(layer, "packages/idle/index.js")); !errors.Is(err, fs.ErrNotExist) {
		i.t.Errorf("what no script reads is there: %v", err)
	}
}

func (i *installation) unchangedLock(layer string, ws *workspace.Workspace) {
	i.t.Helper()
	before, err := os.ReadFile(filepath.Join(i.whole, ws.LockFile))
	must(i.t, err)
	if after, err := os.ReadFile(filepath.Join(layer, ws.LockFile)); err != nil || string(before) != string(after) {
		i.t.Errorf("the install rewrote %s: %v\n%s", ws.LockFile, err, cmp.Diff(string(before), string(after)))
	}
}

// editsUnread are edits of what no install reads: they leave the inputs as they are.
func editsUnread(t *testing.T, i *installation, before *workspace.Workspace) {
	t.Helper()
	kept := i.asks == "^2.0.0" || i.asks == "workspace:^2.0.0" // the version is held against a range
	for _, edit := range [][3]string{
		{"apps/web/package.json", `"version": "1.0.0"`, `"version": "1.0.1"`},
		{"packages/lib/package.json", `"version": "2.3.4"`, `"version": "2.4.0"`},
		{"apps/web/package.json", `"start": "node main.js"`, `"start": "node --watch main.js"`},
		{"apps/web/package.json", `"postinstall": "node main.js > ran-web"`, `"postinstall": "true"`},
		{"apps/web/package.json", `"description": "x"`, `"description":    "y"`},
		{"packages/lib/bin/tool.js", "the tool runs", "another text"},
		{"apps/web/main.js", "2 days", "3 days"},
	} {
		p := filepath.Join(i.whole, edit[0])
		data, err := os.ReadFile(p)
		must(t, err)
		if !strings.Contains(string(data), edit[1]) {
			t.Fatalf("%s has no %s", edit[0], edit[1])
		}
		write(t, i.whole, edit[0], strings.Replace(string(data), edit[1], edit[2], 1))
		after, _ := i.plan()
		if same := cmp.Equal(before.Inputs, after.Inputs); same == (kept && strings.Contains(edit[1], "2.3.4")) {
			t.Errorf("%s for %s: the inputs are the same: %t", edit[2], edit[1], same)
		}
		write(t, i.whole, edit[0], string(data))
	}
}

func texts(ws *workspace.Workspace) map[string]string {
	out := map[string]string{}
	for _, in := range ws.Inputs {
		out[in.Path] = string(in.Data)
	}
	return out
}

// early runs the workspace's own scripts with the install: they and the files
// that they name are there, and an edit of those installs again.
func early(t *testing.T, i *installation) {
	own := *i
	own.t, own.options.HooksEarly, own.say.Hooks = t, true, "install"
	must(t, os.RemoveAll(filepath.Join(i.whole, "apps/web/ran-web"))) // the command names it
	write(t, i.whole, "apps/web/main.js", "console.log('needs nothing')\n")
	layer, ws, in, err := own.layer()
	must(t, err)
	if got := ran(t, layer); got != "ran-loc ran-top ran-web" || len(in.Hooks) > 0 {
		t.Errorf("scripts of the install: %q, later %q", got, in.Hooks)
	}
	if _, err := os.Stat(filepath.Join(layer, "packages/lib/index.js")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("more is there than the hook names: %v", err)
	}
	own.unchangedLock(layer, ws)
	write(t, i.whole, "apps/web/main.js", "console.log('edited')\n", "packages/lib/index.js", "module.exports = 1\n")
	after, _ := own.plan()
	if diff := cmp.Diff(texts(ws), texts(after)); !strings.Contains(diff, "edited") || strings.Contains(diff, "module.exports") {
		t.Errorf("the inputs' difference is %s", diff)
	}
}
