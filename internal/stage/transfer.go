package stage

import (
	"context"
	"io"
	"io/fs"
	"path"
	"slices"
	"sort"
	"strings"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/tonistiigi/fsutil"
	"github.com/tonistiigi/fsutil/types"
)

// FS is the tree as BuildKit's client reads it. Modification times are pseudo
// times that stand for the contents, so that a receiver which compares names,
// sizes and times never keeps contents that changed; set them in the build.
func (t *Tree) FS() fsutil.FS {
	return &transfer{entries: t.entries, opts: t.opts, at: t.at, time: t.modTime, err: t.Err(), open: t.transferred}
}

// modTime is the pseudo time of an entry: that of its contents where Digest has
// read them, so that a new checkout of the same files is no change.
func (t *Tree) modTime(i int) int64 {
	e := t.at(i)
	if sums := t.sums.Load(); sums != nil && e.Kind == File && e.id.racy == 0 && e == &t.entries[i] {
		return pseudoTime((*sums)[i][:])
	}
	return e.modTime()
}

// withFolders adds the folders that the entries are in, and sorts them all. It
// names, too, an entry below one that is no folder: a tree cannot hold both.
func withFolders(entries []Entry) (all []Entry, conflict string) {
	kinds := map[string]Kind{".": Dir}
	for _, e := range entries {
		kinds[e.Path] = e.Kind
	}
	all = slices.Clone(entries)
	for _, e := range entries {
		dir := path.Dir(e.Path)
		for {
			kind, known := kinds[dir]
			if known && kind != Dir {
				conflict = e.Path
			}
			if known {
				break
			}
			kinds[dir] = Dir
			all = append(all, Entry{Path: dir, Kind: Dir, Mode: 0o755})
			dir = path.Dir(dir)
		}
	}
	slices.SortFunc(all, func(a, b Entry) int { return comparePath(a.Path, b.Path) })
	return all, conflict
}

func errPath(p string) error { return fault.Cannot("use %s as the path of a file", show(p)) }

// A transfer is a sorted list of entries and a way to read the files in it.
type transfer struct {
	entries []Entry
	opts    Options
	at      func(int) *Entry // the entry as it was last looked at
	time    func(int) int64
	open    func(int) (io.ReadCloser, error)
	err     error // of the list itself; Walk gives it
}

// Walk calls fn for the target, where it is not the root, and all below it.
func (v *transfer) Walk(ctx context.Context, target string, fn fs.WalkDirFunc) error {
	if v.err != nil {
		return v.err
	}
	target = strings.TrimPrefix(path.Clean("/"+target), "/")
	i := 0
	if target != "" {
		at, ok := search(v.entries, target)
		if !ok {
			return &fs.PathError{Op: "walk", Path: target, Err: fs.ErrNotExist}
		}
		i = at
	}
	for i < len(v.entries) && below(v.entries[i].Path, target) {
		if err := ctx.Err(); err != nil {
			return err
		}
		e := v.at(i)
		switch err := fn(e.Path, &fsutil.DirEntryInfo{Stat: v.stat(e, v.time(i))}, nil); err {
		case nil:
			i++
		case fs.SkipAll: //nolint:errorlint // as fs.WalkDir compares them
			return nil
		case fs.SkipDir:
			i = v.skip(i)
		default:
			return err
		}
	}
	return nil
}

// skip gives the first entry after a folder, or after the folder of a file.
func (v *transfer) skip(i int) int {
	if v.entries[i].Kind == Dir {
		return i + 1 + span(v.entries[i+1:], v.entries[i].Path)
	}
	if dir := path.Dir(v.entries[i].Path); dir != "." {
		return i + span(v.entries[i:], dir)
	}
	return len(v.entries)
}

// span says how many entries at the start of a list are below dir.
func span(entries []Entry, dir string) int {
	return sort.Search(len(entries), func(i int) bool { return !below(entries[i].Path, dir) })
}

// below says that p is dir or under it; everything is below "".
func below(p, dir string) bool {
	return dir == "" || p == dir || strings.HasPrefix(p, dir) && p[len(dir)] == '/'
}

func (v *transfer) stat(e *Entry, when int64) *types.Stat {
	st := &types.Stat{Path: e.Path, Mode: uint32(e.fileMode()), Uid: v.opts.UID, Gid: v.opts.GID, ModTime: when}
	switch e.Kind {
	case File:
		st.Size = e.Size
	case Link:
		st.Size, st.Linkname = int64(len(e.Target)), e.Target
	}
	return st
}

// Open opens a file of the list. Its error comes with the first Read: a sender
// takes one from Open for an empty file.
func (v *transfer) Open(p string) (io.ReadCloser, error) {
	i, ok := search(v.entries, strings.TrimPrefix(path.Clean("/"+p), "/"))
	if !ok || v.entries[i].Kind != File {
		return failed{&fs.PathError{Op: "open", Path: p, Err: fs.ErrNotExist}}, nil
	}
	rc, err := v.open(i)
	if err != nil {
		return failed{err}, nil
	}
	return rc, nil
}

// A failed file gives its error when it is read.
type failed struct{ err error }

func (f failed) Read([]byte) (int, error) { return 0, f.err }
func (f failed) Close() error             { return nil }
