package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// plain is b with a program without the race detector: what hashes and unpacks
// a gigabyte takes ten times as long with it.
func plain(t *testing.T, b *box) *box {
	t.Helper()
	fast := *b
	fast.bin = filepath.Join(t.TempDir(), "sandwright")
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", fast.bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("cannot build sandwright: %v: %s", err, out)
	}
	return &fast
}

// realAgents adds an agent to the example. The lock has all four tools for
// both platforms then, from the registry that npm is configured for, which
// still serves what the committed lock pins; this machine's run in the box.
func realAgents(t *testing.T, b *box) {
	b = plain(t, b)
	const mark, agent = "\nenv:\n", "  claude: {npm: \"@anthropic-ai/claude-code@2.1.332\"}\n\nenv:\n"
	before, err := os.ReadFile(filepath.Join(b.dir, "sandwright.lock"))
	must(t, err)
	b.edit(t, "sandwright.yaml", mark, agent)
	defer b.write(t, "sandwright.lock", string(before))
	defer b.edit(t, "sandwright.yaml", agent, mark)
	out, stderr, code := b.run(t, "lock")
	if code != 0 || !regexp.MustCompile(`(?m)^claude: 2\.1\.332, new\n  linux/amd64: @anthropic-ai/claude-code-linux-x64@2\.1\.332, size .* scripts postinstall .*\n  linux/arm64: @anthropic-ai/claude-code-linux-arm64@2\.1\.332, .*\nsandwright.lock is written: base debian:bookworm, 4 tools\n$`).MatchString(out) {
		t.Fatalf("%d: %s%s", code, out, tail(stderr))
	}
	after, err := os.ReadFile(filepath.Join(b.dir, "sandwright.lock"))
	must(t, err)
	if rest := regexp.MustCompile(`(?s)  claude:\n.*?\n\n`).ReplaceAllString(string(after), ""); rest != string(before) {
		t.Error("the lock changed in more than the new tool")
	}
	for _, platform := range []string{"linux/amd64", "linux/arm64"} {
		if got := strings.Count(string(after), "    "+platform+":\n      package: "); got != 4 {
			t.Errorf("%d tools are pinned for %s, want 4", got, platform)
		}
	}
	if strings.Contains(string(after), "://") {
		t.Error("the lock holds an address")
	}
	if out, stderr, code := b.run(t, "lock", "--update", "node", "pnpm", "opencode"); code != 0 || !strings.HasPrefix(out, "sandwright.lock is up to date") {
		t.Errorf("the registry no longer serves what is pinned: %d: %s%s", code, out, tail(stderr))
	}
	b.up(t)
	out, stderr, _ = b.run(t, "exec", "sh", "-c", "node --version; pnpm --version; opencode --version; claude --version")
	if !regexp.MustCompile(`^v22\.23\.3\n10\.28\.0\n1\.18\.18\n2\.1\.332 .*\n$`).MatchString(out) {
		t.Errorf("the tools say %q, %s", out, stderr)
	}
}

// networkOff builds where there is no network, not even a loopback that is up:
// a project of the same base and tools whose engine knows nothing yet, from
// the blobs in the store.
func networkOff(t *testing.T, b *box) {
	off := &box{dir: filepath.Join(t.TempDir(), "offline"), home: t.TempDir()}
	copyStore := exec.Command("cp", "-al", filepath.Join(b.home, "store"), off.home) // links: the same blobs
	if out, err := copyStore.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, name := range []string{"sandwright.lock", "sandwright.yaml"} {
		data, err := os.ReadFile(filepath.Join(b.dir, name))
		must(t, err)
		off.write(t, name, string(data))
	}
	data, err := os.ReadFile(filepath.Join(b.dir, "sandwright.yaml"))
	must(t, err)
	head, _, _ := strings.Cut(string(data), "\nenv:\n")
	head = regexp.MustCompile(`(?s)\n  build:\n.*?\n\n`).ReplaceAllString(head, "\n\n")
	off.write(t, "sandwright.yaml", head+"\nservices:\n  one: {command: [node, one.js]}\n")
	off.write(t, "package.json", `{"name": "offline", "private": true, "packageManager": "pnpm@10.28.0"}`)
	off.write(t, "pnpm-lock.yaml", "lockfileVersion: '9.0'\n\nimporters:\n\n  .: {}\n")
	off.write(t, "one.js", "setInterval(() => {}, 1000)\n")
	must(t, exec.Command("git", "init", "-q", off.dir).Run())
	inside := off.command("build", "--json")
	cmd := exec.Command("unshare", append([]string{"--net", "--"}, inside.Args...)...)
	cmd.Dir, cmd.Env = inside.Dir, inside.Env
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), `"image":"sha256:`) && !strings.Contains(string(out), `"image": "sha256:`) {
		t.Errorf("%v: %s", err, tail(string(out)))
	}
	if !strings.Contains(string(out), "install the workspace's dependencies") {
		t.Errorf("nothing was installed, so nothing was held:\n%s", tail(string(out)))
	}
}
