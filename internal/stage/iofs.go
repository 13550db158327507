package stage

import (
	"io"
	"io/fs"
	"path"
	"time"
)

// Open opens a file or folder of the tree as io/fs wants it. Links are
// followed inside the tree. Names that are not UTF-8 are out of reach here.
func (t *Tree) Open(name string) (fs.File, error) {
	e, err := t.named("open", name, true)
	if err != nil {
		return nil, err
	}
	if e.Kind == Dir {
		list, err := t.ReadDir(name)
		return &folder{e, list}, err
	}
	c, err := t.content(e)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return &file{c}, nil
}

// Stat describes what name leads to.
func (t *Tree) Stat(name string) (fs.FileInfo, error) {
	e, err := t.named("stat", name, true)
	if err != nil {
		return nil, err
	}
	return info{e}, nil
}

// Lstat describes name itself.
func (t *Tree) Lstat(name string) (fs.FileInfo, error) {
	e, err := t.named("lstat", name, false)
	if err != nil {
		return nil, err
	}
	return info{e}, nil
}

// ReadLink gives the target of a link.
func (t *Tree) ReadLink(name string) (string, error) {
	e, err := t.named("readlink", name, false)
	if err != nil {
		return "", err
	}
	if e.Kind != Link {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: fs.ErrInvalid}
	}
	return e.Target, nil
}

// ReadDir lists a folder, sorted by name.
func (t *Tree) ReadDir(name string) ([]fs.DirEntry, error) {
	e, err := t.named("readdir", name, true)
	if err != nil {
		return nil, err
	}
	if e.Kind != Dir {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: fs.ErrInvalid}
	}
	i, dir := 0, e.Path
	if dir == "." {
		dir = ""
	} else if at, ok := t.find(dir); ok {
		i = at + 1
	}
	list := []fs.DirEntry{}
	for i < len(t.entries) && below(t.entries[i].Path, dir) {
		list = append(list, fs.FileInfoToDirEntry(info{t.at(i)}))
		i += 1 + span(t.entries[i+1:], t.entries[i].Path)
	}
	return list, nil
}

// ReadFile reads a whole file.
func (t *Tree) ReadFile(name string) ([]byte, error) {
	f, err := t.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

// named finds an entry, with all links in name followed but perhaps the last.
func (t *Tree) named(op, name string, follow bool) (*Entry, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	p, last := name, ""
	if !follow && name != "." {
		p, last = path.Split(name)
	}
	r := newResolver(t.lookup).follow(".", path.Clean(p))
	at := path.Join(r.path, last)
	if r.outcome != inside {
		return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	}
	if at == "." {
		return &Entry{Path: ".", Kind: Dir, Mode: 0o755}, nil
	}
	i, ok := t.find(at)
	if !ok {
		return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	}
	return t.at(i), nil
}

// lookup is the looker of the tree alone.
func (t *Tree) lookup(p string) (Kind, string, bool) {
	i, ok := t.find(p)
	if !ok {
		return 0, "", false
	}
	return t.entries[i].Kind, t.entries[i].Target, true
}

// fileMode is the mode as io/fs writes it.
func (e *Entry) fileMode() fs.FileMode {
	return fs.FileMode(e.Mode) | [...]fs.FileMode{0, fs.ModeDir, fs.ModeSymlink}[e.Kind]
}

// An info describes an entry; its time is the pseudo time.
type info struct{ e *Entry }

func (i info) Name() string       { return path.Base(i.e.Path) }
func (i info) Mode() fs.FileMode  { return i.e.fileMode() }
func (i info) ModTime() time.Time { return time.Unix(0, i.e.modTime()) }
func (i info) IsDir() bool        { return i.e.Kind == Dir }
func (i info) Sys() any           { return nil }
func (i info) Size() int64        { return i.e.Size + int64(len(i.e.Target)) }

type file struct{ *content }

func (f *file) Stat() (fs.FileInfo, error) { return info{f.entry}, nil }

// A folder gives its list once.
type folder struct {
	e    *Entry
	list []fs.DirEntry
}

func (f *folder) Stat() (fs.FileInfo, error) { return info{f.e}, nil }
func (f *folder) Close() error               { return nil }

func (f *folder) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: f.e.Path, Err: fs.ErrInvalid}
}

func (f *folder) ReadDir(n int) ([]fs.DirEntry, error) {
	if n > 0 && len(f.list) == 0 {
		return nil, io.EOF
	}
	if n <= 0 || n > len(f.list) {
		n = len(f.list)
	}
	list := f.list[:n]
	f.list = f.list[n:]
	return list, nil
}
