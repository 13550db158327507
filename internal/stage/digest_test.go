package stage

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

func (d *dir) digest() string {
	d.t.Helper()
	sum, err := d.stage(Options{}).Digest(d.t.Context())
	d.check(err)
	return sum
}

func TestDigestDependsOnContentAlone(t *testing.T) {
	d := sample(t)
	want := d.digest()
	d.check(exec.Command("cp", "-r", "--no-preserve=all", d.root, d.path("../elsewhere")).Run())
	other := &dir{t: t, parent: d.parent, root: d.path("../elsewhere")}
	other.check(os.Chmod(other.path("run.sh"), 0o711))
	other.check(os.Chmod(other.path("a-b"), 0o600))
	other.check(os.Chmod(other.path("a"), 0o700))
	when := time.Unix(1, 0)
	other.check(os.Chtimes(other.path("a-b"), when, when))
	if os.Getuid() == 0 {
		other.check(os.Lchown(other.path("a-b"), 1, 1))
	}
	if got := other.digest(); got != want {
		t.Errorf("digest %s elsewhere, want %s", got, want)
	}
	other.remove(".git")
	if got := other.digest(); got != want {
		t.Errorf("digest %s without a repository, want %s", got, want)
	}
}

func TestDigestSeesEachChange(t *testing.T) {
	changes := []struct {
		name   string
		change func(d *dir)
	}{
		{"content", func(d *dir) { d.file("a-b", "DASH") }},
		{"size", func(d *dir) { d.file("a-b", "dashes") }},
		{"mode", func(d *dir) { d.check(os.Chmod(d.path("a-b"), 0o755)) }},
		{"target", func(d *dir) { d.remove("l"); d.link("l", "a/b/c") }},
		{"name", func(d *dir) { d.check(os.Rename(d.path("a-b"), d.path("a-c"))) }},
		{"removed", func(d *dir) { d.remove("a-b") }},
		{"added", func(d *dir) { d.file("new", "") }},
		{"kind", func(d *dir) { d.remove("empty"); d.link("empty", "a") }},
	}
	d := sample(t)
	seen := map[string]string{d.digest(): "none"}
	for _, c := range changes {
		d := sample(t)
		c.change(d)
		sum := d.digest()
		if before, ok := seen[sum]; ok {
			t.Errorf("%s: the digest is that of %s", c.name, before)
		}
		seen[sum] = c.name
	}
}

func TestDigestFails(t *testing.T) {
	d := sample(t)
	tree := d.stage(Options{})
	d.remove("a0")
	if _, err := tree.Digest(t.Context()); !errors.Is(err, ErrChanged) {
		t.Errorf("digest of a tree that changed: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := tree.Digest(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled digest: %v", err)
	}
	closed := d.stage(Options{})
	d.check(closed.Close())
	if _, err := closed.Digest(t.Context()); err == nil {
		t.Error("a closed tree was read")
	}
}

func TestShow(t *testing.T) {
	for path, want := range map[string]string{
		"a/b": "a/b", "": `""`, "a b": `"a b"`, "é": "é", "\xff": `"\xff"`, "a\n": `"a\n"`, `a"b`: `"a\"b"`, "\x1b[0m": `"\x1b[0m"`, "\u202e": `"\u202e"`,
	} {
		if got := show(path); got != want {
			t.Errorf("show(%q) = %s, want %s", path, got, want)
		}
	}
	if k := strings.Join([]string{File.String(), Dir.String(), Link.String()}, " "); k != "file dir link" {
		t.Errorf("kinds are called %s", k)
	}
}
