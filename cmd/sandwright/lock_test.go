package main

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sandwright/sandwright/internal/evidence/evidencetest"
)

// publish adds versions of a package called tool, each that many days old.
// Later ones have a script.
func (p *signedProject) publish(ages map[string]int) {
	r := p.registry
	r.mu.Lock()
	defer r.mu.Unlock()
	versions, times := map[string]any{}, map[string]string{}
	for version, age := range ages {
		says := maps.Clone(r.version)
		says["name"], says["version"] = "tool", version
		says["dist"] = map[string]any{"tarball": r.URL + "/tool/-/tool-" + version + ".tgz", "integrity": evidencetest.Integrity(r.tarball)}
		if version >= "1.1.0" {
			says["scripts"] = map[string]string{"postinstall": "node " + version + ".js"}
		}
		versions[version], times[version] = says, time.Now().AddDate(0, 0, -age).UTC().Format(time.RFC3339)
	}
	r.answers["/tool"] = map[string]any{"versions": versions, "time": times, "dist-tags": map[string]string{}}
}

// tools writes sandwright.yaml with the tool in a range of versions, and more.
func (p *signedProject) tools(constraint, more string) {
	p.write("sandwright.yaml", "name: demo\nbase: {layout: base}\nplatforms: [linux/amd64, linux/arm64]\ntools:\n  tool: {npm: \"tool@"+constraint+"\"}\n"+more)
}

func (p *signedProject) locked() string {
	p.t.Helper()
	data, err := os.ReadFile(filepath.Join(p.dir, "sandwright.lock"))
	if err != nil {
		p.t.Fatal(err)
	}
	return string(data)
}

// TestLockLife takes a lock from its first day through updates, in the words
// that people see. The package manager is pinned without being a tool of the file.
func TestLockLife(t *testing.T) {
	p := newSignedProject(t)
	p.publish(map[string]int{"1.0.0": 30})
	p.tools("^1.0.0", "")
	p.lock(true, nil, "tool: 1.0.0, new\n  linux/amd64: tool@1.0.0, size ", "pnpm: 10.28.0, new\n", "base: layout:base, new\n", "sandwright.lock is written: base layout:base, 2 tools")
	first := p.locked()
	for _, want := range []string{"\nmanager: pnpm@10.28.0\n", "\n    source: npm:tool@^1.0.0\n", "\n    source: npm:pnpm@10.28.0\n"} {
		if !strings.Contains(strings.ReplaceAll(first, `"`, ""), want) {
			t.Errorf("the lock has no %q:\n%s", want, first)
		}
	}
	if strings.Contains(first, "://") || strings.Contains(first, "127.0.0.1") {
		t.Errorf("the lock holds an address:\n%s", first)
	}

	// Newer versions change nothing by themselves.
	p.publish(map[string]int{"1.0.0": 30, "1.1.0": 10, "1.2.0": 1, "2.0.0": 20})
	p.lock(true, nil, "sandwright.lock is up to date")
	p.lock(true, []string{"--check"}, "sandwright.lock fits sandwright.yaml")
	p.lock(true, []string{"--update", "base", "pnpm"}, "sandwright.lock is up to date")
	if p.locked() != first {
		t.Error("the lock changed")
	}
	p.lock(false, []string{"--update", "toll"}, "cannot update toll: the file has no such tool", "did you mean tool?")
	p.lock(true, []string{"--update", "tool", "--minimum-age", "7d"}, "tool: 1.0.0 -> 1.1.0\n  linux/amd64: tool@1.0.0 -> tool@1.1.0, scripts none -> postinstall \"node 1.1.0.js\"\n")
	p.lock(false, []string{"--update", "--minimum-age", "60d"}, "cannot lock tool tool: tool@^1.0.0 (1.2.0) was released on ", ", and minimum-age is 60 days")
	p.tools("^1.0.0", "minimum-age: 7d\n")
	p.lock(true, []string{"--update", "tool"}, "sandwright.lock is up to date")
	out, errs, ok := p.run("lock", "--update", "--minimum-age", "0d", "--json")
	var said struct {
		Changes []struct{ Name, From, To string }
	}
	if err := json.Unmarshal([]byte(out), &said); err != nil || !ok || len(said.Changes) != 1 || said.Changes[0].From != "1.1.0" || said.Changes[0].To != "1.2.0" {
		t.Errorf("%v: %s%s", err, out, errs)
	}

	// Another range of versions is drift, for CI too, and what is not pinned is resolved.
	p.tools("^2.0.0", "minimum-age: 7d\n")
	p.lock(false, []string{"--check"}, "sandwright.yaml:5:3: cannot use the lock: it pins tool tool as npm:tool@^1.0.0, and npm:tool@^2.0.0 is asked for", "hint:  run: sandwright lock")
	p.lock(true, nil, "tool: 1.2.0 -> 2.0.0\n  source npm:tool@^1.0.0 -> npm:tool@^2.0.0\n")
	p.lock(true, []string{"--explain"}, "tool tool 2.0.0 (npm:tool@^2.0.0)\n  can be changed by  whoever publishes tool on npm, or runs the registry that is used")

	// A lock that was edited to another version than the one asked for does not fit, and is put right.
	p.tools("2.0.0", "minimum-age: 7d\n")
	p.lock(true, nil, "sandwright.lock is written")
	right := p.locked()
	p.write("sandwright.lock", strings.Replace(right, "    version: 2.0.0", "    version: 1.1.0", 1))
	p.lock(false, []string{"--check"}, "sandwright.yaml:5:3: cannot use the lock: it pins tool tool at version 1.1.0, and 2.0.0 is asked for")
	p.lock(true, nil, "tool: 1.1.0 -> 2.0.0")
	if p.locked() != right {
		t.Error("the lock is not put right")
	}

	// Another package manager is drift, and so is one whose bytes are not those that package.json names.
	p.write("package.json", `{"name": "demo", "packageManager": "pnpm@10.28.0+sha512.`+strings.Repeat("0", 128)+`"}`)
	p.lock(false, []string{"--check"}, "package.json:1:18: cannot use the lock: it pins tool pnpm with sha512 ", ", and package.json says 0000")
	p.lock(false, []string{"--minimum-age", "0d"}, "package.json:1:18: cannot use pnpm 10.28.0: its registry gives one with sha512 ")
	p.lock(false, []string{"--update", "pnpm", "--minimum-age", "0d"}, "package.json:1:18: cannot use pnpm 10.28.0: its registry gives one with sha512 ", "and packageManager says 0000")
	p.write("package.json", `{"name": "demo", "packageManager": "pnpm@10.29.0"}`)
	p.lock(false, []string{"--check"}, "package.json:1:18: cannot use the lock: it is made for package manager pnpm@10.28.0, and package.json says pnpm@10.29.0")
}

// TestLockIsTheSameBehindAnotherRegistry makes one lock behind two mirrors,
// the second of which the file names.
func TestLockIsTheSameBehindAnotherRegistry(t *testing.T) {
	one, two := newSignedProject(t), newSignedProject(t)
	two.registry.tarball = one.registry.tarball
	two.registry.version["dist"].(map[string]any)["integrity"] = evidencetest.Integrity(one.registry.tarball)
	for _, p := range []*signedProject{one, two} {
		p.publish(map[string]int{"1.0.0": 30})
	}
	one.tools("1.0.0", "")
	one.lock(true, nil, "is written")
	two.write("sandwright.lock", one.locked())
	two.tools("1.0.0", "registries: {npm: \""+two.registry.URL+"\"}\n")
	t.Setenv("npm_config_registry", "")
	two.lock(true, []string{"--update"}, "sandwright.lock is up to date")
}

func TestLockFlagsThatDoNotGoTogether(t *testing.T) {
	p := newSignedProject(t)
	for _, args := range [][]string{{"--check", "--update"}, {"--explain", "--check"}, {"tool"}, {"--check", "--minimum-age", "1d"}} {
		p.lock(false, args, "cannot run this: ", "hint:  run: sandwright lock --help")
	}
	p.lock(false, []string{"--minimum-age", "soon"}, `cannot use age "soon": an age is a whole number of days`)
}

// An update names the files that changed, of every platform, and says so where
// it does not know what they were.
func TestLockNamesTheFilesThatChange(t *testing.T) {
	p := newSignedProject(t)
	release := func(version string, files map[string]string) {
		p.registry.mu.Lock()
		files["package/cli.sh"] = "#!/bin/sh\n"
		p.registry.tarball = npmPackageOf(t, files)
		p.registry.version["dist"].(map[string]any)["integrity"] = evidencetest.Integrity(p.registry.tarball)
		p.registry.mu.Unlock()
		p.publish(map[string]int{version: 30})
	}
	p.write("sandwright.yaml", "name: demo\nbase: {layout: base}\nplatforms: [linux/amd64, linux/arm64]\ntools: {tool: {npm: tool@^1.0.0, bin: [cli.sh]}}\n")
	release("1.0.0", map[string]string{"package/lib/a": "1", "package/lib/b": "1", "package/LICENSE": "x"})
	p.lock(true, nil, "tool: 1.0.0, new")
	release("1.1.0", map[string]string{"package/lib/a": "2", "package/lib/c": "1", "package/LICENSE": "x"})
	const diff = ": changed lib/a; new lib/c; gone lib/b\n"
	p.lock(true, []string{"--update", "tool"}, "tool: 1.0.0 -> 1.1.0\n", "  linux/amd64"+diff, "  linux/arm64"+diff)
	if err := os.RemoveAll(filepath.Join(p.dir, ".home")); err != nil {
		t.Fatal(err)
	}
	release("1.2.0", map[string]string{"package/lib/a": "3"})
	p.lock(true, []string{"--update", "tool"}, "tool: 1.1.0 -> 1.2.0\n", "  linux/arm64: which files changed is not known: the store has no list of what they were\n")
}
