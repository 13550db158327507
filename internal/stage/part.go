package stage

import (
	"context"
	"io"
	"slices"

	"github.com/tonistiigi/fsutil"
)

// Part is the tree of the entries at places of Entries, and of the folders
// that they are in, as FS is that of all.
func (t *Tree) Part(places []int) fsutil.FS {
	places = t.withFolders(places)
	entries := make([]Entry, len(places))
	for i, place := range places {
		entries[i] = t.entries[place]
	}
	return &transfer{
		entries: entries, opts: t.opts, err: t.Err(),
		at:   func(i int) *Entry { return t.at(places[i]) },
		time: func(i int) int64 { return t.modTime(places[i]) },
		open: func(i int) (io.ReadCloser, error) { return t.transferred(places[i]) },
	}
}

// TarPart writes a tar of the entries at places of Entries, and of the folders
// that they are in. It depends on them alone: all is of root, and of time 0.
func (t *Tree) TarPart(ctx context.Context, w io.Writer, places []int) error {
	if err := t.Err(); err != nil {
		return err
	}
	out := &tarWriter{tree: t, near: near{root: t.root}, w: w, anyone: true, buf: make([]byte, 0, tarBuffer+4*blockSize)}
	defer out.near.Close()
	return out.entries(ctx, t.withFolders(places))
}

// withFolders sorts places, with those of the folders that they are in.
func (t *Tree) withFolders(places []int) []int {
	all := map[int]bool{}
	for _, place := range places {
		for p := t.entries[place].Path; !all[place]; {
			all[place] = true
			if p, _ = split(p); p == "." {
				break
			}
			place, _ = t.find(p) // its folder is an entry before it
		}
	}
	out := make([]int, 0, len(all))
	for place := range all {
		out = append(out, place)
	}
	slices.Sort(out)
	return out
}

// Patterns are those of a .dockerignore, or of anything that is said like one.
// They are not safe for concurrent use.
type Patterns struct{ m *matcher }

// NewPatterns reads patterns; its error is a fault that names the bad one.
func NewPatterns(texts []string) (Patterns, error) {
	m, err := newMatcher(texts)
	return Patterns{m}, err
}

// Match says that the last pattern that matches p, or a folder that it is in,
// is no exception. It is cheap for paths in the order of a walk.
func (p Patterns) Match(path string) bool { return p.m.match(path) }
