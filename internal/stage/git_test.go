package stage

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/git"
)

func expect(t *testing.T, tree *Tree, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, list(tree)); diff != "" {
		t.Errorf("staged (-want +got):\n%s", diff)
	}
}

// failsWith opens the tree, which must fail with one fault that holds text.
func (d *dir) failsWith(text string) *fault.Fault {
	d.t.Helper()
	tree, err := Open(context.Background(), d.root, Options{})
	if err == nil {
		tree.Close()
		d.t.Fatalf("it was staged: %q", list(tree))
	}
	f := fault.All(err)[0]
	if !strings.Contains(f.Error(), text) || f.Hint == "" {
		d.t.Errorf("fault %q, hint %q; want %q and a hint", f.Error(), f.Hint, text)
	}
	return f
}

func TestSubfolderOfARepository(t *testing.T) {
	d := checkout(t)
	d.file("top", "")
	d.file("apps/a/f", "")
	d.file("apps/.gitignore", "ignored\n")
	d.file("apps/a/ignored", "")
	d.commit()
	d.file("apps/a/new", "")
	d.root = d.path("apps")
	expect(t, d.stage(Options{}), ".gitignore", "a/f", "a/new")
}

func TestRootIsALink(t *testing.T) {
	d := checkout(t)
	d.file("f", "x")
	d.link("../alias", "repo")
	real := d.root
	d.root = filepath.Join(d.parent, "alias")
	tree := d.stage(Options{})
	expect(t, tree, "f")
	if tree.Root() != real {
		t.Errorf("root %s, want %s", tree.Root(), real)
	}
}

func TestOutsideGit(t *testing.T) {
	d := newDir(t)
	d.file("a/b", "")
	d.file("b", "")
	d.file(".gitignore", "a\n")
	d.file("node_modules/x/y", "")
	d.mkdir("empty")
	d.link("l", "b")
	tree := d.stage(Options{})
	expect(t, tree, ".gitignore", "b", "l -> b")
	if diff := cmp.Diff([]string(nil), lines(tree.Notices())); diff != "" {
		t.Error(diff)
	}
}

func TestOutsideGitWithoutTMPDIR(t *testing.T) {
	d := newDir(t)
	d.file("f", "")
	t.Setenv("TMPDIR", d.path("missing"))
	if f := d.failsWith("cannot list a folder outside git"); !strings.Contains(f.Hint, "set TMPDIR") {
		t.Errorf("hint %q", f.Hint)
	}
}

// Folders that no path leads to are named, not passed over, by git's rules and
// outside git; who excludes one is not asked for it.
func TestTooLongAPath(t *testing.T) {
	for name, d := range map[string]*dir{"git": checkout(t), "outside git": newDir(t)} {
		t.Chdir(d.root)
		at, folder := &dir{t: t, root: "."}, strings.Repeat("d", 240)
		for range 20 {
			at.mkdir(folder)
			t.Chdir(folder)
			at.file("f", "")
		}
		t.Chdir(d.root)
		d.failsWith("…: its path has 4096 bytes, more than 4095")
		tree := d.stage(Options{Exclude: []string{"d*/d*"}})
		if got := list(tree); len(got) != 1 || !strings.HasSuffix(got[0], "d/f") {
			t.Errorf("%s: staged %q", name, got)
		}
	}
}

func TestExclude(t *testing.T) {
	d := checkout(t)
	for _, p := range []string{"a/x.log", "a/keep.log", "docs/y", "z"} {
		d.file(p, "")
	}
	expect(t, d.stage(Options{Exclude: []string{"**/*.log", "!a/keep.log", "docs"}}), "a/keep.log", "z")
	if _, err := Open(t.Context(), d.root, Options{Exclude: []string{"[a"}}); fault.Code(err) != fault.ExitConfig {
		t.Errorf("a bad pattern: %v", err)
	}
}

func TestIntentToAdd(t *testing.T) {
	d := checkout(t)
	d.file("a", "later")
	d.git("add", "-N", "a")
	expect(t, d.stage(Options{}), "a")
}

func TestConflict(t *testing.T) {
	d := checkout(t)
	d.file("a", "1")
	d.commit()
	d.git("checkout", "-q", "-b", "other")
	d.file("a", "2")
	d.commit()
	d.git("checkout", "-q", "main")
	d.file("a", "3")
	d.commit()
	d.git("read-tree", "-m", "main~1", "main", "other")
	if out := d.git("ls-files", "-u"); strings.Count(out, "\n") != 3 {
		t.Fatalf("there is no conflict to test: %s", out)
	}
	expect(t, d.stage(Options{}), "a")
}

func TestSparseCheckout(t *testing.T) {
	d := checkout(t)
	d.file("a/f", "")
	d.file("b/f", "")
	d.commit()
	d.git("sparse-checkout", "set", "a")
	expect(t, d.stage(Options{}), "a/f")
}

func TestWorktree(t *testing.T) {
	d := checkout(t)
	d.file("f", "")
	d.commit()
	d.git("worktree", "add", "-q", "../tree")
	d.root = filepath.Join(d.parent, "tree")
	d.file("g", "")
	expect(t, d.stage(Options{}), "f", "g")
}

func TestSubmodules(t *testing.T) {
	inner := checkout(t)
	inner.file("deep", "")
	inner.commit()
	d := checkout(t)
	d.git("init", "-q", "-b", "main", "../lib")
	lib := &dir{t: t, parent: d.parent, root: filepath.Join(d.parent, "lib")}
	lib.file("code", "")
	lib.file(".gitignore", "junk\n")
	lib.git("submodule", "--quiet", "add", inner.root, "nested")
	lib.commit()
	d.git("submodule", "--quiet", "add", lib.root, "vendor/lib")
	d.commit()
	d.file("vendor/lib/junk", "")
	d.file("vendor/lib/new", "")
	tree := d.stage(Options{})
	expect(t, tree, ".gitmodules", "vendor/lib/.gitignore", "vendor/lib/.gitmodules", "vendor/lib/code", "vendor/lib/nested/", "vendor/lib/new")
	if want := []string{"left empty vendor/lib/nested: the submodule is not checked out"}; !slices.Equal(lines(tree.Notices()), want) {
		t.Errorf("notices %q, want %q", lines(tree.Notices()), want)
	}
	d.git("submodule", "--quiet", "update", "--init", "--recursive")
	expect(t, d.stage(Options{}), ".gitmodules", "vendor/lib/.gitignore", "vendor/lib/.gitmodules",
		"vendor/lib/code", "vendor/lib/nested/deep", "vendor/lib/new")
}

func TestSubmoduleBecameALink(t *testing.T) {
	lib := checkout(t)
	lib.file("file", "")
	lib.commit()
	d := checkout(t)
	d.git("submodule", "--quiet", "add", lib.root, "lib")
	d.commit()
	d.remove("lib")
	d.link("lib", "../outside")
	d.failsWith("cannot stage lib: it points to ../outside, outside the project")
}

// Nothing that a repository's configuration names may run.
func TestRepositoryIsNotTrusted(t *testing.T) {
	d := checkout(t)
	d.file("f", "")
	ran := filepath.Join(d.parent, "ran")
	script := filepath.Join(d.parent, "evil")
	d.check(os.WriteFile(script, []byte("#!/bin/sh\ntouch "+ran+"\n"), 0o755))
	for _, key := range []string{"core.fsmonitor", "core.pager", "pager.ls-files", "core.sshCommand", "core.askPass", "filter.x.clean", "diff.external"} {
		d.git("config", key, script)
	}
	d.git("config", "core.hooksPath", filepath.Dir(script))
	d.file(".gitattributes", "* filter=x\n")
	tree := d.stage(Options{})
	expect(t, tree, ".gitattributes", "f")
	if _, err := os.Stat(ran); err == nil {
		t.Error("a program of the repository's configuration ran")
	}
}

func TestEnvironmentDoesNotPointElsewhere(t *testing.T) {
	other := checkout(t)
	other.file("other", "")
	other.commit()
	d := checkout(t)
	d.file("f", "")
	t.Setenv("GIT_DIR", filepath.Join(other.root, ".git"))
	t.Setenv("GIT_WORK_TREE", other.root)
	t.Setenv("GIT_INDEX_FILE", filepath.Join(other.root, ".git/index"))
	expect(t, d.stage(Options{}), "f")
}

func TestAnotherUsersCheckout(t *testing.T) {
	if os.Getuid() != 0 {
		t.Fatal("cannot give files to another user: run the tests as root")
	}
	d := checkout(t)
	d.file("f", "")
	own := func(p string, uid int) {
		d.check(filepath.WalkDir(p, func(p string, _ os.DirEntry, err error) error {
			d.check(err)
			return os.Lchown(p, uid, uid)
		}))
	}
	own(d.root, 12345)
	expect(t, d.stage(Options{}), "f")
	own(d.path(".git"), 23456)
	f := d.failsWith("git says: ")
	if !strings.Contains(f.Error(), "dubious ownership") || !strings.Contains(f.Hint, "git config --global --add safe.directory \""+d.root+"\"") {
		t.Errorf("fault %q, hint %q do not say why and what to do", f.Error(), f.Hint)
	}
}

func TestBrokenRepository(t *testing.T) {
	d := newDir(t)
	d.file(".git", "gitdir: nowhere\n")
	d.file(".env", "a secret")
	d.failsWith("git says: ")
}

func TestNoGit(t *testing.T) {
	d := checkout(t)
	t.Setenv("PATH", t.TempDir())
	d.failsWith("cannot run git")
}

func TestNoFolder(t *testing.T) {
	d := newDir(t)
	d.file("f", "")
	for _, p := range []string{"missing", "f"} {
		if _, err := Open(t.Context(), d.path(p), Options{}); err == nil {
			t.Errorf("%s was staged", p)
		}
	}
}

func TestWarningsOfGit(t *testing.T) {
	d := checkout(t)
	d.file("f", "")
	d.link(".gitignore", "f")
	tree := d.stage(Options{})
	if n := tree.Notices(); len(n) != 1 || n[0].Path != ".gitignore" || n[0].Kind != "link" || !strings.HasPrefix(n[0].Reason, "git says: warning: ") {
		t.Errorf("notices %q, want git's warning", n)
	}
}

// A folder that only another user may read is named; the warning is taken from
// a git that is not root's.
func TestUnreadableFolder(t *testing.T) {
	d := checkout(t)
	d.file("top", "")
	d.file("apps/it's/x/f", "")
	d.file("apps/it's/g", "")
	d.file("apps/.gitignore", "")
	d.check(os.Chmod(d.path("apps/it's/x"), 0o700))
	for p := d.parent; p != os.TempDir() && p != "/"; p = filepath.Dir(p) {
		d.check(os.Chmod(p, 0o755))
	}
	for _, where := range []string{".", "apps"} {
		root, err := openRoot(d.path(where))
		d.check(err)
		defer root.Close()
		cmd := exec.Command("git", "-c", "safe.directory=*", "ls-files", "--others", "--exclude-standard")
		cmd.Dir, cmd.Env = root.path, append(os.Environ(), "LC_ALL=C", "HOME=/nonexistent")
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		var said strings.Builder
		cmd.Stderr = &said
		d.check(cmd.Run())
		l := &lister{root: root}
		l.heed(repository{asked: &git.Repo{Dir: root.path, Top: d.root}}, said.String())
		want := strings.TrimPrefix("apps/it's/x", where+"/")
		if diff := cmp.Diff([]Notice{{Path: want, Kind: "dir", What: "left out", Reason: "git cannot look into it: Permission denied"}}, l.notices); diff != "" {
			t.Errorf("in %s, of %q:\n%s", where, said.String(), diff)
		}
	}
}

// A git that never ends is ended with its context.
func TestCancel(t *testing.T) {
	d := checkout(t)
	d.fifo(".gitignore")
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	start := time.Now()
	_, err := Open(ctx, d.root, Options{})
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("it ended after %v", took)
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, want that the deadline passed", err)
	}
}
