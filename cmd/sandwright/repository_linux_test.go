package main

import (
	"os/exec"
	"strings"
	"testing"
)

// repository commits the example as it is, and looks at the box's repository:
// of that commit, and of a changed working tree, and in a build step.
func repository(t *testing.T, b *box) {
	git := func(args ...string) {
		cmd := exec.Command("git", append([]string{"-c", "user.name=a", "-c", "user.email=a@b"}, args...)...)
		cmd.Dir = b.dir
		must(t, cmd.Run())
	}
	git("add", ".")
	git("commit", "-qm", "one more")
	git("remote", "add", "origin", "https://x:sesame@example.com/")
	progress, _ := b.up(t) // what is committed gets layers of its own
	installCached(t, progress)
	git("commit", "-q", "--amend", "-m", "the example")
	progress, _ = b.up(t)
	installCached(t, progress)
	cached(t, progress, "pnpm build in apps/daemon")
	b.says(t, "git diff-files --name-only; git status --porcelain --ignored=no", "") // the first reads no file
	b.says(t, "git log --format=%s; git remote; git fsck --full", "the example\n")
	b.edit(t, "apps/daemon/server/app.js", "HELLO from", "hello from")
	b.write(t, "apps/daemon/server/new.js", "// new\n")
	b.up(t)
	b.says(t, "git status --porcelain", " M apps/daemon/server/app.js\n?? apps/daemon/server/new.js\n")
	b.says(t, "git add . && git commit -qm work && git status --porcelain && git log --format='%an: %s'", "iterate: work\na: the example\n")
	b.edit(t, "apps/daemon/server/app.js", "hello from", "HELLO from")
	b.edit(t, "sandwright.yaml", "  build:\n", "  build:\n    - {run: git log --format=%s > said.txt; touch .git/x, git: true, inputs: [package.json], outputs: [said.txt]}\n")
	for _, message := range []string{"a step", "another"} {
		git("commit", "-qam", message, "--allow-empty")
		b.up(t)
		b.says(t, "cat said.txt; ls .git/x 2>/dev/null || echo gone", message+"\ngone\n")
	}
	b.edit(t, "apps/daemon/server/app.js", "HELLO from", "hello from")
	progress, _ = b.up(t)
	cached(t, progress, "git log --format=%s > said.txt; touch .git/x")
	b.edit(t, "apps/daemon/server/app.js", "hello from", "HELLO from")
	b.up(t)
}

// says holds the box to what a script prints in it.
func (b *box) says(t *testing.T, script, want string) {
	t.Helper()
	if out, stderr, code := b.run(t, "exec", "sh", "-c", script); code != 0 || out != want {
		t.Errorf("%s: %d: %q, want %q; %s", script, code, out, want, strings.TrimSpace(stderr))
	}
}
