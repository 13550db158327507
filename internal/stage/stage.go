// Package stage turns a checkout into the tree that reaches an image: exactly
// what git would ship, with nothing in it that leads out. It copies nothing and
// follows nothing; contents are read when they are transferred.
package stage

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/moby/patternmatcher"
	"github.com/sandwright/sandwright/internal/fault"
	"github.com/tonistiigi/fsutil"
)

// Options say what is staged and who owns it in the box.
type Options struct {
	UID, GID uint32
	Exclude  []string // patterns as in a .dockerignore, relative to the root
}

// A Tree is what Open found. It is a snapshot of names and metadata; contents
// are read later and refused when the file changed since. A Tree is safe for
// concurrent use.
type Tree struct {
	root    *root
	opts    Options
	entries []Entry // in the order of a walk: compared path component by component
	notices []string
}

// Open lists the tree below root, which may be any folder of a repository or of
// none, and checks each entry without following a link. Everything that must
// not be staged is reported at once. Close the Tree after its last use.
func Open(ctx context.Context, dir string, opts Options) (*Tree, error) {
	r, err := openRoot(dir)
	if err != nil {
		return nil, err
	}
	t, err := open(ctx, r, opts)
	if err != nil {
		r.Close()
		return nil, err
	}
	return t, nil
}

func open(ctx context.Context, r *root, opts Options) (*Tree, error) {
	exclude, err := patternmatcher.New(opts.Exclude)
	if err != nil {
		return nil, fault.Cannot("use an exclude pattern: %w", err).WithCode(fault.ExitConfig)
	}
	l := &lister{ctx: ctx, root: r, exclude: exclude, seen: map[string]bool{}}
	start := time.Now()
	if err := l.list(); err != nil {
		return nil, err
	}
	c := &checker{root: r, start: start, notices: l.notices, faults: l.faults}
	if err := c.check(ctx, l.paths()); err != nil {
		return nil, err
	}
	return &Tree{root: r, opts: opts, entries: c.entries, notices: c.sortedNotices()}, nil
}

// openRoot opens the folder itself; links in the way to it are followed.
func openRoot(dir string) (*root, error) {
	abs, err := filepath.Abs(dir)
	if err == nil {
		abs, err = filepath.EvalSymlinks(abs)
	}
	if err != nil {
		return nil, fault.Cannot("stage %s: %w", show(dir), err).WithHint("say an existing folder")
	}
	f, err := os.Open(abs)
	if err != nil {
		return nil, fault.Cannot("stage %s: %w", show(dir), err)
	}
	if info, err := f.Stat(); err != nil || !info.IsDir() {
		f.Close()
		return nil, fault.Cannot("stage %s: it is not a folder", show(dir)).WithHint("say an existing folder")
	}
	return &root{File: f, path: abs}, nil
}

// Close releases the root; contents cannot be read afterwards.
func (t *Tree) Close() error { return t.root.Close() }

// Root is the absolute path of the staged folder, links in it resolved.
func (t *Tree) Root() string { return t.root.path }

// Entries gives every folder, file and link in the order of a walk, without
// the root itself.
func (t *Tree) Entries() []Entry { return slices.Clone(t.entries) }

// Notices says, sorted, what was left out or is worth a look.
func (t *Tree) Notices() []string { return slices.Clone(t.notices) }

// find gives the place of a path, and whether it is there.
func (t *Tree) find(path string) (int, bool) { return search(t.entries, path) }

func search(entries []Entry, path string) (int, bool) {
	return slices.BinarySearchFunc(entries, path, func(e Entry, p string) int { return comparePath(e.Path, p) })
}

// comparePath orders paths component by component, as a walk meets them.
func comparePath(a, b string) int { return cmp.Compare(fsutil.ComparePath(a, b), 0) }
