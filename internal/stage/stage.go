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
	"sync"
	"sync/atomic"
	"time"

	"github.com/sandwright/sandwright/internal/config"
	"github.com/sandwright/sandwright/internal/fault"
	"github.com/tonistiigi/fsutil"
)

// Options say what is staged and who owns it in the box.
type Options struct {
	UID, GID uint32
	Exclude  []string          // patterns as in a .dockerignore, relative to the root; after those of the .dockerignore
	Include  []string          // patterns of what is staged although git ignores it, or a pattern excludes it
	Links    []config.LinkRule // the last that matches a link decides
	Time     time.Time         // of everything in a tar; zero: that of the commit
	Cache    string            // a file that keeps what Digest read, for this folder alone; empty: none
	Lists    string            // a file that keeps, once Digest was asked for, what git listed there; empty: none
}

// A Tree is what Inspect found. It is a snapshot of names and metadata; contents
// are read later and refused when the file changed since. A Tree is safe for
// concurrent use.
type Tree struct {
	root     *root
	opts     Options
	entries  []Entry // in the order of a walk: compared path component by component
	notices  []Notice
	refusals []Refusal

	cache   *cache
	folders []known                    // for the cache
	learnt  bool                       // whether it does not know one of them
	memory  atomic.Pointer[memory]     // to be kept; nil where there is nothing new
	sums    atomic.Pointer[[]sum]      // of the contents of the entries, once Digest has read them
	given   atomic.Pointer[[]Contents] // what Contents gave, while nothing is renewed
	renewed atomic.Bool                // whether fresh holds anything
	fresh   sync.Map                   // place -> *Entry, of files that changed since and were looked at again
	judged  atomic.Pointer[recheck]
}

// Open is Inspect of a tree in which nothing is refused: its error names all
// that is. Close the Tree after its last use.
func Open(ctx context.Context, dir string, opts Options) (*Tree, error) {
	t, err := Inspect(ctx, dir, opts)
	if err != nil {
		return nil, err
	}
	if err := t.Err(); err != nil {
		t.Close()
		return nil, err
	}
	return t, nil
}

// Inspect lists the tree below dir, which may be any folder of a repository or
// of none, and checks each entry without following a link. What must not be
// staged is in Refusals. Close the Tree after its last use.
func Inspect(ctx context.Context, dir string, opts Options) (*Tree, error) {
	r, err := openRoot(dir)
	if err != nil {
		return nil, err
	}
	t, err := inspect(ctx, r, opts)
	if err != nil {
		r.Close()
		return nil, err
	}
	return t, nil
}

func inspect(ctx context.Context, r *root, opts Options) (*Tree, error) {
	rules, err := newRules(r, opts)
	if err != nil {
		return nil, err
	}
	links, err := newLinkRules(opts.Links)
	if err != nil {
		return nil, err
	}
	l := &lister{ctx: ctx, root: r, rules: rules, cache: readCache(opts.Cache), lists: opts.Lists, start: time.Now(), modules: map[string]bool{}, inner: map[string]bool{}}
	defer l.close()
	paths, err := l.list()
	if err != nil {
		return nil, err
	}
	w, err := l.walked(paths)
	if err != nil {
		return nil, err
	}
	w.notices = append(w.notices, l.notices...)
	long, err := l.tooLong()
	if err != nil {
		return nil, err
	}
	w.tooLong(long)
	if err := w.leftOut(ctx, l); err != nil {
		return nil, err
	}
	w.links(links)
	if err := w.lfs(ctx, l.lfs); err != nil {
		return nil, err
	}
	w.collisions()
	w.notices = append(w.notices, w.dropped.notice()...)
	t := &Tree{
		root: r, opts: opts, entries: w.entries, cache: w.cache, folders: w.folders, learnt: w.learnt,
		notices:  byPath(w.notices, func(n Notice) string { return n.Path }, Notice.String),
		refusals: byPath(w.refusals, func(r Refusal) string { return r.Path }, func(r Refusal) string { return r.Reason }),
	}
	t.memory.Store(l.remember(w))
	return t, nil
}

// openRoot opens the folder itself; links in the way to it are followed.
func openRoot(dir string) (*root, error) {
	abs, err := filepath.Abs(dir)
	if err == nil {
		abs, err = filepath.EvalSymlinks(abs)
	}
	if err != nil {
		return nil, fault.Cannot("stage %s: %w", show(dir), reasonOf(err)).WithHint("say an existing folder")
	}
	f, err := os.Open(abs)
	if err != nil {
		return nil, fault.Cannot("stage %s: %w", show(dir), reasonOf(err))
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
// the root itself and without what is refused.
func (t *Tree) Entries() []Entry { return slices.Clone(t.entries) }

// Notices says, sorted by path, what was left out or is worth a look.
func (t *Tree) Notices() []Notice { return slices.Clone(t.notices) }

// Refusals says, sorted by path, what must not be staged.
func (t *Tree) Refusals() []Refusal { return slices.Clone(t.refusals) }

// Err is all refusals as faults, and nil where there is none.
func (t *Tree) Err() error {
	var faults fault.List
	for _, r := range t.refusals {
		faults = append(faults, r.Fault())
	}
	return faults.Err()
}

// find gives the place of a path, and whether it is there.
func (t *Tree) find(path string) (int, bool) { return search(t.entries, path) }

func search(entries []Entry, path string) (int, bool) {
	return slices.BinarySearchFunc(entries, path, func(e Entry, p string) int { return comparePath(e.Path, p) })
}

// comparePath orders paths component by component, as a walk meets them.
func comparePath(a, b string) int { return cmp.Compare(fsutil.ComparePath(a, b), 0) }
