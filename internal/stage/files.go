package stage

import (
	"bytes"
	"crypto/sha256"
	"io"
	"io/fs"

	"github.com/sandwright/sandwright/internal/workspace"
	"github.com/tonistiigi/fsutil"
)

// A Made is a file of a tree that is on no disk as it is, or an empty folder
// where Open is nil. ID stands for its contents: another ID, other contents.
type Made struct {
	Path string
	Size int64
	ID   [sha256.Size]byte
	Open func() (io.ReadCloser, error)
}

// Files is a tree of just these files, as MadeTree makes it.
func Files(files []workspace.Input, opts Options) fsutil.FS {
	made := make([]Made, len(files))
	for i, f := range files {
		made[i] = Made{f.Path, int64(len(f.Data)), sha256.Sum256(f.Data), func() (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(f.Data)), nil
		}}
	}
	return MadeTree(made, opts)
}

// MadeTree is a tree of just these files, 0644, and the folders they are in.
// Its pseudo times depend on the IDs alone. A path that is not clean and
// relative, or that is there twice, fails the walk.
func MadeTree(files []Made, opts Options) fsutil.FS {
	open := map[string]func() (io.ReadCloser, error){}
	v := &transfer{opts: opts}
	var entries []Entry
	for _, f := range files {
		if _, twice := open[f.Path]; twice || !fs.ValidPath(f.Path) || f.Path == "." {
			v.err = errPath(f.Path)
		}
		open[f.Path] = f.Open
		if f.Open == nil {
			entries = append(entries, Entry{Path: f.Path, Kind: Dir, Mode: 0o755})
			continue
		}
		id := sum(f.ID)
		entries = append(entries, Entry{Path: f.Path, Mode: 0o644, Size: f.Size, sum: &id})
	}
	all, conflict := withFolders(entries)
	if conflict != "" {
		v.err = errPath(conflict)
	}
	v.entries = all
	v.at = func(i int) *Entry { return &v.entries[i] }
	v.time = func(i int) int64 { return v.entries[i].modTime() }
	v.open = func(i int) (io.ReadCloser, error) { return open[v.entries[i].Path]() }
	return v
}
