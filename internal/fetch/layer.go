package fetch

import (
	"archive/tar"
	"errors"
	"io"
	"maps"
	"os"
	"path"
	"slices"
	"time"

	"github.com/sandwright/sandwright/internal/lock"
)

// toolsDir is where tools stand in a box; binDir is on its PATH.
const (
	toolsDir = "opt/sandwright/tools"
	binDir   = "usr/local/bin"
)

// A layerWriter writes a layer whose bytes depend on its content alone:
// owner root, time zero, modes 0644 and 0755.
type layerWriter struct {
	tw   *tar.Writer
	dirs map[string]bool
	tally
}

// A tally counts what a layer holds of its package.
type tally struct {
	files int64 // and links
	bytes int64 // of the regular files
}

func newLayerWriter(w io.Writer) *layerWriter {
	return &layerWriter{tw: tar.NewWriter(w), dirs: map[string]bool{".": true}}
}

// dir adds a directory and those above it, once.
func (l *layerWriter) dir(name string) error {
	if l.dirs[name] {
		return nil
	}
	if err := l.dir(path.Dir(name)); err != nil {
		return err
	}
	l.dirs[name] = true
	return l.add(tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: 0o755})
}

func (l *layerWriter) add(hdr tar.Header) error {
	hdr.ModTime = time.Unix(0, 0)
	return l.tw.WriteHeader(&hdr)
}

// entry adds one entry of a package that stands below root.
func (l *layerWriter) entry(root string, e entry, body io.Reader) error {
	name := path.Join(root, e.name)
	if e.kind == tar.TypeDir {
		return l.dir(name)
	}
	if err := l.dir(path.Dir(name)); err != nil {
		return err
	}
	l.files++
	hdr := tar.Header{Typeflag: e.kind, Name: name, Mode: 0o644, Linkname: e.link}
	switch e.kind {
	case tar.TypeReg:
		hdr.Size = e.size
	case tar.TypeSymlink:
		hdr.Mode = 0o777
	case tar.TypeLink:
		hdr.Linkname = path.Join(root, e.link)
	}
	if e.exec && e.kind != tar.TypeSymlink {
		hdr.Mode = 0o755
	}
	if err := l.add(hdr); err != nil || e.kind != tar.TypeReg {
		return err
	}
	n, err := io.Copy(l.tw, body)
	l.bytes += n
	return err
}

// programs links each program of a tool from binDir.
func (l *layerWriter) programs(root string, bin map[string]string) error {
	if err := l.dir(binDir); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(bin)) {
		target := path.Join("../../..", root, bin[name])
		err := l.add(tar.Header{Typeflag: tar.TypeSymlink, Name: path.Join(binDir, name), Linkname: target, Mode: 0o777})
		if err != nil {
			return err
		}
	}
	return nil
}

// writeToolLayer turns a download into the layer of the tool of that name, as
// a says: its packing, root, keep and bin. It counts what is in the layer.
func writeToolLayer(w io.Writer, in *os.File, name string, a lock.Artifact) (tally, error) {
	l := newLayerWriter(w)
	root := path.Join(toolsDir, name)
	programs := map[string]bool{}
	for _, file := range a.Bin {
		programs[file] = true
	}
	err := readArchive(in, a.Packed, a.Root, func(e entry, body io.Reader) error {
		if !kept(a.Keep, e) {
			return nil
		}
		e.exec = e.exec || programs[e.name]
		return l.entry(root, e, body)
	})
	if err == nil {
		err = l.programs(root, a.Bin)
	}
	return l.tally, errors.Join(err, l.tw.Close())
}

// kept tells whether a pattern names e or a directory above it. Directories
// come with what is in them.
func kept(patterns []string, e entry) bool {
	if len(patterns) == 0 {
		return true
	}
	for name := e.name; name != "."; name = path.Dir(name) {
		for _, pattern := range patterns {
			if ok, _ := path.Match(path.Clean(pattern), name); ok { // the pattern was checked when it was read
				return e.kind != tar.TypeDir
			}
		}
	}
	return false
}
