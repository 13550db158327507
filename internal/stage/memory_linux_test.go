package stage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

// What is remembered of folders deeper than the walk holds open, or than git is
// asked for, and of ones below what git can open, is as git lists it.
func TestMemoryOfDeepFolders(t *testing.T) {
	deep := strings.Repeat("d/", maxOpen+10)
	for name, c := range map[string]struct {
		before, change func(d *dir)
	}{
		"tracked":    {func(d *dir) { d.file(deep+"f", ""); d.commit() }, func(d *dir) { d.file(deep+"g", "") }},
		"rules":      {func(d *dir) { d.file(deep+".gitignore", "g\n"); d.file(deep+"g", ""); d.commit() }, func(d *dir) { d.file(deep+".gitignore", "\n") }},
		"hollow":     {func(d *dir) { d.mkdir(deep) }, func(d *dir) { d.file(deep+"g", "") }},
		"half":       {func(d *dir) { d.mkdir(deep); d.file(deep[:80]+"f", "") }, func(d *dir) { d.mkdir(deep + "e"); d.fifo(deep + "e/fifo") }},
		"excluded":   {func(d *dir) { d.file(".dockerignore", "d\n"); d.file(deep+"f", "") }, func(d *dir) { d.file(deep+"g", ""); d.remove(".dockerignore") }},
		"ignored":    {func(d *dir) { d.file(".gitignore", "d\n"); d.file(deep+"f", "") }, func(d *dir) { d.file(deep+"g", "") }},
		"moved away": {func(d *dir) { d.file(deep+"f", "") }, func(d *dir) { d.check(os.Rename(d.path(deep), d.path("e"))) }},
	} {
		t.Run(name, func(t *testing.T) {
			m := monorepo(t).memorial()
			c.before(m.dir)
			m.settle()
			c.change(m.dir)
			m.compare("after")
			m.afterwards()
		})
	}
}

// The staged folder may be moved, and another put in its place.
func TestMemoryOfAMovedRoot(t *testing.T) {
	m := monorepo(t).memorial()
	m.check(os.CopyFS(filepath.Join(m.parent, "other"), os.DirFS(m.root)))
	m.file("../other/p1/new/more.js", "")
	m.settle()
	m.check(os.Rename(m.root, m.path("../was")))
	m.check(os.Rename(m.path("../other"), m.root))
	m.compare("another folder")
	m.check(os.Rename(m.root, m.path("../other")))
	m.check(os.Rename(m.path("../was"), m.root))
	m.compare("the first again")
	m.afterwards()
}

// A stage that is cancelled at any time leaves nothing open, nothing running and
// no memory that is wrong.
func TestMemoryOfCancelledStages(t *testing.T) {
	m := monorepo(t).memorial()
	m.settle()
	open := func() int {
		fds, err := os.ReadDir("/proc/self/fd")
		m.check(err)
		return len(fds)
	}
	before, running, ended := open(), runtime.NumGoroutine(), 0
	for i := range 40 {
		if i%4 == 0 {
			m.file("p0/q/"+strings.Repeat("x", i+1), "")
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*time.Millisecond)
		tree, err := Inspect(ctx, m.root, m.opts)
		if err == nil {
			_, err = tree.Digest(ctx)
			tree.Close()
		}
		if cancel(); err != nil {
			ended++
		}
	}
	if ended == 0 {
		t.Error("none was cancelled")
	}
	m.compare("after all")
	for end := time.Now().Add(time.Minute); open() > before || runtime.NumGoroutine() > running; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			stacks := make([]byte, 1<<16)
			t.Fatalf("%d descriptors are open, before %d, and %d goroutines run, before %d:\n%s", open(), before, runtime.NumGoroutine(), running, stacks[:runtime.Stack(stacks, true)])
		}
	}
}

// What git keeps elsewhere is looked at where it is.
func TestMemoryOfLinkedRepositories(t *testing.T) {
	worktree := func(d *dir) {
		d.file("../mine", "")
		d.git("worktree", "add", "-q", "../tree")
		d.root = d.path("../tree")
		d.file("p1/new/d.js", "untracked")
	}
	for name, c := range map[string]struct {
		before, change func(d *dir)
	}{
		"rules of the clone": {worktree, func(d *dir) { d.file("../repo/.git/info/exclude", "*.js\n") }},
		"index":              {worktree, func(d *dir) { d.git("rm", "-q", "--cached", "p0/a.js"); d.file(".gitignore", "p0\n") }},
		"configuration of the worktree": {worktree, func(d *dir) {
			d.file("../mine", "*.js\n")
			d.git("config", "extensions.worktreeConfig", "true")
			d.git("config", "--worktree", "core.excludesFile", d.path("../mine"))
		}},
		"another repository": {worktree, func(d *dir) {
			d.check(exec.Command("git", "init", "-q", d.path("../other")).Run())
			d.file(".git", "gitdir: ../other/.git\n")
		}},
		"another worktree": {worktree, func(d *dir) {
			d.git("worktree", "add", "-q", "../third")
			d.check(exec.Command("git", "-C", d.path("../third"), "rm", "-rq", "p0").Run())
			d.file(".git", "gitdir: ../repo/.git/worktrees/third\n")
		}},
		"a .git that is a link": {func(d *dir) {
			d.check(exec.Command("git", "init", "-q", d.path("../other")).Run())
			d.check(os.Rename(d.path(".git"), d.path("../it")))
			d.link(".git", "../it")
		}, func(d *dir) { d.remove(".git"); d.link(".git", "../other/.git") }},
		"condition": {func(d *dir) {
			d.file("../conf", "[core]\nexcludesFile = "+d.path("../mine")+"\n")
			d.file("../mine", "*.js\n")
			d.git("config", "includeIf.onbranch:other.path", d.path("../conf"))
		}, func(d *dir) { d.git("symbolic-ref", "HEAD", "refs/heads/other") }},
		"split index": {func(d *dir) { d.git("update-index", "--split-index") }, func(d *dir) { d.git("rm", "-q", "--cached", "p0/a.js"); d.file("p0/.gitignore", "a.js\n") }},
		"sparse": {func(d *dir) {
			d.git("sparse-checkout", "set", "--sparse-index", "p0")
		}, func(d *dir) { d.git("sparse-checkout", "set", "p1") }},
		"sparse rules": {func(d *dir) {
			d.git("sparse-checkout", "set", "--no-cone", "/p0")
			d.file("p0/x.log", "")
		}, func(d *dir) { d.git("update-index", "--no-skip-worktree", ".gitignore") }},
		"home": {func(d *dir) { write(d, os.Getenv("HOME")+"/other/.config/git/ignore", "*.js\n") }, func(d *dir) { d.t.Setenv("HOME", os.Getenv("HOME")+"/other") }},
		"xdg":  {func(d *dir) { write(d, os.Getenv("HOME")+"/xdg/git/ignore", "*.js\n") }, func(d *dir) { d.t.Setenv("XDG_CONFIG_HOME", os.Getenv("HOME")+"/xdg") }},
		"linked rules of the user": {func(d *dir) {
			write(d, os.Getenv("HOME")+"/rules", "")
			d.file("../mine", "*.js\n")
			d.check(os.MkdirAll(os.Getenv("HOME")+"/.config/git", 0o755))
			d.check(os.Symlink("../../rules", os.Getenv("HOME")+"/.config/git/ignore"))
		}, func(d *dir) { write(d, os.Getenv("HOME")+"/rules", "*.js\n") }},
		"rules behind a link": {func(d *dir) { d.file("../mine", ""); d.link("p0/q/.gitignore", "../../../mine") }, func(d *dir) { d.file("../mine", "b.js\n"); d.file("p0/q/new.js", "") }},
		"rules are a folder":  {func(d *dir) { d.mkdir("p0/q/.gitignore") }, func(d *dir) { d.remove("p0/q/.gitignore"); d.file("p0/q/.gitignore", "*\n") }},
	} {
		t.Run(name, func(t *testing.T) {
			m := monorepo(t).memorial()
			c.before(m.dir)
			time.Sleep(2 * racyWindow)
			m.compare("at first")
			m.compare("again")
			c.change(m.dir)
			m.compare("after")
			m.afterwards()
		})
	}
}

// Stages of one folder at a time, over one memory, while its index and files change.
func TestMemoryOfSeveralAtOnce(t *testing.T) {
	m := monorepo(t).memorial()
	m.settle()
	var stages errgroup.Group
	for i := range 4 {
		stages.Go(func() error {
			for n := range 6 {
				if err := os.WriteFile(m.path(fmt.Sprintf("p0/q/new%d-%d", i, n)), nil, 0o644); err != nil {
					return err
				}
				tree, err := Inspect(t.Context(), m.root, m.opts)
				if err != nil {
					return err
				}
				if _, err = tree.Digest(t.Context()); errors.Is(err, ErrChanged) {
					err = nil
				}
				if tree.Close(); err != nil {
					return err
				}
			}
			return nil
		})
	}
	m.check(stages.Wait())
	m.compare("after all")
	m.afterwards()
}
