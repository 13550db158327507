// Package source divides the staged tree into layers: cold ones of what is
// committed, by the packages of the workspace, and a hot one of what differs.
// An edit then costs what was edited, not the tree.
package source

import (
	"cmp"
	"context"
	"io"
	"slices"

	"github.com/sandwright/sandwright/internal/fetch"
	"github.com/sandwright/sandwright/internal/plan"
	"github.com/sandwright/sandwright/internal/stage"
)

// Options say how a tree is divided.
type Options struct {
	Packages  []string          // folders of the workspace's packages, slash-separated; the root is "."
	Committed map[string]uint32 // git's mode of what is staged just as it was committed; see gitmeta.Metadata
	Store     *fetch.Store      // where cold layers are kept
	// Memory is a file that remembers the cold layers from build to build: they stay
	// while little differs from them, so that neither an edit nor a commit makes
	// one anew. Empty: none.
	Memory string
	// Exact passes over the memory where all is as it was committed: such a tree has no
	// hot layer, and its cold ones depend on the commit alone.
	Exact bool
}

// A Division is a tree in layers.
type Division struct {
	opts Options
	tree *stage.Tree
	groups
	files []file
	cold  []layer
	hot   hot
}

// A file is a file, a link or an empty folder of the tree: others are there for
// what is in them.
type file struct {
	path  string
	kind  stage.Kind
	mode  uint32
	size  int64
	sum   string // of the contents, raw
	place int    // in the tree; not of a remembered one
	group int
	clean bool // just as it was committed
}

// same says that two files are the same in the box.
func (f file) same(g file) bool {
	return f.path == g.path && f.kind == g.kind && f.mode == g.mode && f.sum == g.sum
}

// A layer is a cold one. Where it is remembered, the tree cannot make it again.
type layer struct {
	name       string
	files      []file // in the order of a walk
	digest     string
	remembered bool
}

// A hot is what lies over the cold layers.
type hot struct {
	files   []file
	removed []string
}

// Divide divides a tree. It reads what is not known of its contents.
func Divide(ctx context.Context, tree *stage.Tree, o Options) (*Division, error) {
	contents, err := tree.Contents(ctx)
	if err != nil {
		return nil, err
	}
	groups := groupsOf(o.Packages)
	d := &Division{opts: o, tree: tree, groups: groups, files: make([]file, 0, len(contents))}
	for i, c := range contents {
		if c.Kind == stage.Dir && i+1 < len(contents) && below(contents[i+1].Path, c.Path) {
			continue
		}
		mode, ok := o.Committed[c.Path]
		d.files = append(d.files, file{
			path: c.Path, kind: c.Kind, mode: c.Mode, size: c.Size, sum: c.Sum, place: i,
			group: groups.of(c.Path), clean: ok && modeOf(c.Entry) == mode || c.Kind == stage.Dir && len(o.Committed) > 0,
		})
	}
	var memory map[string][]file
	if o.Memory != "" && (!o.Exact || !d.Clean()) {
		memory = readMemory(o.Memory)
	}
	d.divide(memory)
	return d, nil
}

// modeOf is git's mode of an entry; git has none for an empty folder.
func modeOf(e stage.Entry) uint32 {
	switch e.Kind {
	case stage.Link:
		return 0o120000
	case stage.Dir:
		return 0
	}
	return 0o100000 | e.Mode
}

// Clean says that all is as it was committed.
func (d *Division) Clean() bool {
	return !slices.ContainsFunc(d.files, func(f file) bool { return !f.clean })
}

// Layers are those of the whole tree.
func (d *Division) Layers() []plan.SourceLayer {
	return layersOf(d.cold, d.hot, HotTree)
}

// HotPaths are those of what is in the hot layer of the whole tree, and of what it deletes.
func (d *Division) HotPaths() []string {
	paths := slices.Clone(d.hot.removed)
	for _, f := range d.hot.files {
		paths = append(paths, f.path)
	}
	return paths
}

// HotTree is the name of the tree of the client that is the hot layer.
const HotTree = "source"

func layersOf(cold []layer, h hot, tree string) []plan.SourceLayer {
	var out []plan.SourceLayer
	for _, l := range cold {
		files, bytes := sizeOf(l.files)
		out = append(out, plan.SourceLayer{Name: l.name, Digest: l.digest, Files: files, Bytes: bytes})
	}
	if len(h.files)+len(h.removed) > 0 {
		files, bytes := sizeOf(h.files)
		out = append(out, plan.SourceLayer{
			Name: plan.HotLayer, Digest: digestOf(h.files, h.removed), Hot: true, Tree: tree, Removed: h.removed, Files: files, Bytes: bytes,
		})
	}
	return out
}

func sizeOf(files []file) (n int, bytes int64) {
	for _, f := range files {
		bytes += f.size
	}
	return len(files), bytes
}

// Keep brings the cold layers into the store, those of parts too, and gives
// the image of each for a platform by its digest. Then it remembers them.
func (d *Division) Keep(ctx context.Context, platform string, parts ...*Part) (map[string]string, error) {
	cold := slices.Clone(d.cold)
	for _, p := range parts {
		cold = append(cold, p.cold...)
	}
	images := map[string]string{}
	for _, l := range cold {
		ref, err := d.opts.Store.Layer("source/"+cmp.Or(shortName(l.name), "root"), l.digest, platform, func(w io.Writer) error {
			return d.write(ctx, w, l)
		})
		if err != nil {
			return nil, err
		}
		images[l.digest] = ref.String()
	}
	if d.opts.Memory == "" {
		return images, nil
	}
	return images, writeMemory(d.opts.Memory, d.cold)
}
