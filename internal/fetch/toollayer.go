package fetch

import (
	"archive/tar"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/installed"
)

// A laid is what a layer was found to hold: what a lock pins of a tool.
type laid struct {
	tree  string // sha256 of the list of its files, hex
	files int64  // files and links, those that put programs on PATH apart
	bytes int64  // of its files
}

func (l laid) String() string {
	return fmt.Sprintf("%d files of %d bytes with sha256 %s", l.files, l.bytes, l.tree)
}

// toolRef names the image of the tool whose list has that hash.
func toolRef(tree, platform string) string { return "tool-" + tree + "-" + path.Base(platform) }

// toolImage gives the image of a tool that is in the store, whole.
func (s *Store) toolImage(name, tree, platform string) (Ref, bool) {
	ref := Ref{Name: "tool/" + name, Digest: s.ref(toolRef(tree, platform))}
	return ref, s.whole(ref.Digest)
}

// layTool keeps the layer of a tool and its image, if accept takes what is in
// it. Progress may be nil.
func (s *Store) layTool(parts []part, name string, bin map[string]string, platform string, l limits, progress io.Writer, accept func(laid) error) (ref Ref, got laid, err error) {
	var list []byte
	layer, err := s.put(func(w io.Writer) (err error) {
		if progress != nil {
			w = io.MultiWriter(w, progress)
		}
		got, list, err = writeTool(w, parts, name, bin, l)
		return err
	}, func(string) error { return accept(got) })
	if err == nil {
		err = s.keepList(list)
	}
	if err != nil {
		return Ref{}, got, err
	}
	if ref, err = s.image("tool/"+name, layer, platform); err == nil {
		err = s.setRef(toolRef(got.tree, platform), ref.Digest)
	}
	return ref, got, err
}

// A toolLayer writes the layer of one tool: its files, links to its programs,
// and the list of all that.
type toolLayer struct {
	layer    *layerWriter
	name     string // of the tool
	root     string // its directory
	programs map[string]bool
	at       map[string]int // where a path stands in list
	list     installed.List
}

// writeTool writes the layer of the tool of that name to w, and gives the list
// of its files. What it writes depends on the parts' contents, the name and bin
// (program -> file) alone.
func writeTool(w io.Writer, parts []part, name string, bin map[string]string, l limits) (laid, []byte, error) {
	t := &toolLayer{newLayerWriter(w), name, path.Join(installed.ToolsDir, name), map[string]bool{}, map[string]int{}, nil}
	for _, file := range bin {
		t.programs[file] = true
	}
	u := newUnpacker(l)
	for _, p := range parts {
		if err := p.read(u, t.entry); err != nil {
			return laid{}, nil, err
		}
	}
	if err := t.links(bin, u.kinds); err != nil {
		return laid{}, nil, err
	}
	list, err := t.finish()
	return laid{installed.Tree(list), u.files, u.bytes}, list, err
}

// note puts an entry of the layer into the list.
func (t *toolLayer) note(e installed.Entry) {
	t.at[e.Path] = len(t.list)
	t.list = append(t.list, e)
}

// entry adds one entry of an archive.
func (t *toolLayer) entry(e entry, body io.Reader) (err error) {
	name := path.Join(t.root, e.name)
	exec := e.exec || t.programs[e.name]
	switch e.kind {
	case tar.TypeDir:
		return t.layer.dir(name)
	case tar.TypeSymlink:
		t.note(installed.Entry{Kind: installed.Link, Path: name, Target: e.link})
		return t.layer.link(e.kind, name, e.link, 0o777)
	case tar.TypeLink:
		return t.hardLink(name, path.Join(t.root, e.link))
	}
	out := installed.Entry{Kind: installed.File, Path: name, Exec: exec, Size: e.size}
	if out.SHA256, err = t.layer.file(name, exec, e.size, body); err == nil {
		t.note(out)
	}
	return err
}

// hardLink adds another name of a file, with that file's mode.
func (t *toolLayer) hardLink(name, target string) error {
	e := t.list[t.at[target]]
	e.Path = name
	t.note(e)
	mode := int64(0o644)
	if e.Exec {
		mode = 0o755
	}
	return t.layer.link(tar.TypeLink, name, target, mode)
}

// links links each program from where PATH leads.
func (t *toolLayer) links(bin map[string]string, kinds map[string]byte) error {
	if err := t.layer.dir(installed.BinDir); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(bin)) {
		if kind, ok := kinds[bin[name]]; !ok || kind == tar.TypeDir {
			return fault.Cannot("find program %s in it: it has no file %s", name, bin[name])
		}
		e := installed.Entry{Kind: installed.Link, Path: path.Join(installed.BinDir, name), Target: path.Join("../../..", t.root, bin[name])}
		t.note(e)
		if err := t.layer.link(tar.TypeSymlink, e.Path, e.Target, 0o777); err != nil {
			return err
		}
	}
	return nil
}

// finish adds the list, of which the lock pins the hash, and gives it.
func (t *toolLayer) finish() ([]byte, error) {
	for dir := range t.layer.dirs {
		if dir != "." {
			t.list = append(t.list, installed.Entry{Kind: installed.Dir, Path: dir})
		}
	}
	encoded := t.list.Encode()
	if err := t.layer.data(path.Join(installed.ListsDir, t.name), encoded); err != nil {
		return nil, err
	}
	return encoded, t.layer.tw.Close()
}
