package stage

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// secret is what lies outside of every staged tree and must never be seen.
const secret = "SECRET-FROM-OUTSIDE"

// A dir is a folder under test: the checkout "repo" in a parent that holds
// things to leak.
type dir struct {
	t      *testing.T
	parent string
	root   string
}

// newDir makes an empty checkout, next to secrets, with no user configuration.
func newDir(t *testing.T) *dir {
	t.Helper()
	t.Setenv("HOME", t.TempDir())
	parent, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	d := &dir{t: t, parent: parent, root: filepath.Join(parent, "repo")}
	d.file("../outside/file", secret)
	d.file("../outside/sub/file", secret)
	d.file("../repo-evil/file", secret)
	d.mkdir(".")
	return d
}

// checkout is newDir with a repository in it.
func checkout(t *testing.T) *dir {
	t.Helper()
	d := newDir(t)
	d.git("init", "-q", "-b", "main")
	return d
}

func (d *dir) path(p string) string { return filepath.Join(d.root, p) }

func (d *dir) check(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

func (d *dir) mkdir(p string) { d.t.Helper(); d.check(os.MkdirAll(d.path(p), 0o755)) }

func (d *dir) file(p, text string) {
	d.t.Helper()
	d.mkdir(filepath.Dir(p))
	d.check(os.WriteFile(d.path(p), []byte(text), 0o644))
}

func (d *dir) link(p, target string) {
	d.t.Helper()
	d.mkdir(filepath.Dir(p))
	d.check(os.Symlink(target, d.path(p)))
}

func (d *dir) fifo(p string)   { d.t.Helper(); d.check(unix.Mkfifo(d.path(p), 0o644)) }
func (d *dir) remove(p string) { d.t.Helper(); d.check(os.RemoveAll(d.path(p))) }

func (d *dir) device(p string) {
	d.t.Helper()
	if err := unix.Mknod(d.path(p), unix.S_IFCHR|0o644, int(unix.Mkdev(1, 3))); err != nil {
		d.t.Fatalf("cannot make a device: %v: run the tests as root", err)
	}
}

func (d *dir) socket(p string) {
	d.t.Helper()
	l, err := net.Listen("unix", d.path(p))
	d.check(err)
	d.t.Cleanup(func() { l.Close() })
}

// git runs git in the checkout as a user would.
func (d *dir) git(args ...string) string {
	d.t.Helper()
	base := []string{"-C", d.root, "-c", "user.name=t", "-c", "user.email=t@localhost", "-c", "protocol.file.allow=always"}
	out, err := exec.Command("git", append(base, args...)...).CombinedOutput()
	if err != nil {
		d.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func (d *dir) commit() {
	d.t.Helper()
	d.git("add", "-A")
	d.git("commit", "-q", "-m", "all", "--allow-empty")
}

// stage opens the tree, which must work.
func (d *dir) stage(opts Options) *Tree {
	d.t.Helper()
	t, err := Open(context.Background(), d.root, opts)
	d.check(err)
	d.t.Cleanup(func() { t.Close() })
	return t
}

// cached stages with a cache and gives the digest, and how many files were not
// in the cache.
func (d *dir) cached(file string) (digest string, unknown int) {
	d.t.Helper()
	tree := d.stage(Options{Cache: file})
	for i := range tree.entries {
		e := &tree.entries[i]
		if e.Kind == File && (e.cached == 0 || tree.cache.files.sum(e.cached) == sum{}) {
			unknown++
		}
	}
	digest, err := tree.Digest(d.t.Context())
	d.check(err)
	return digest, unknown
}

// list is what a tree holds, without its folders unless they are empty.
func list(t *Tree) []string {
	lines := []string{}
	for i, e := range t.entries {
		switch {
		case e.Kind == Link:
			lines = append(lines, show(e.Path)+" -> "+show(e.Target))
		case e.Kind == File && e.Mode == 0o755:
			lines = append(lines, show(e.Path)+"*")
		case e.Kind == File:
			lines = append(lines, show(e.Path))
		case span(t.entries[i+1:], e.Path) == 0:
			lines = append(lines, show(e.Path)+"/")
		}
	}
	return lines
}

// readAll reads every file of a tree as a sender would and fails on a secret.
func readAll(t *testing.T, tree *Tree) map[string]string {
	t.Helper()
	found := map[string]string{}
	v := tree.FS()
	err := v.Walk(t.Context(), "/", func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		rc, err := v.Open(p)
		if err != nil {
			return err
		}
		defer rc.Close()
		data, err := io.ReadAll(rc)
		if bytes.Contains(data, []byte(secret)) {
			t.Errorf("%s holds a secret from outside", p)
		}
		found[p] = string(data)
		return err
	})
	if err != nil {
		t.Errorf("read the tree: %v", err)
	}
	return found
}

// lines is what is said of a tree, one line each.
func lines[T fmt.Stringer](said []T) []string {
	var out []string
	for _, one := range said {
		out = append(out, one.String())
	}
	return out
}
