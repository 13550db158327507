package fetch

import (
	"archive/tar"
	"io"
	"maps"
	"path"
	"slices"
	"time"
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
}

func newLayerWriter(w io.Writer) *layerWriter {
	return &layerWriter{tar.NewWriter(w), map[string]bool{".": true}}
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
	_, err := io.Copy(l.tw, body)
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

// writeToolLayer turns an npm tarball into the layer of the tool of that name.
func writeToolLayer(w io.Writer, tarball io.Reader, name string, bin map[string]string) error {
	l := newLayerWriter(w)
	root := path.Join(toolsDir, name)
	programs := map[string]bool{}
	for _, file := range bin {
		programs[file] = true
	}
	err := readPackage(tarball, func(e entry, body io.Reader) error {
		e.exec = e.exec || programs[e.name]
		return l.entry(root, e, body)
	})
	if err != nil {
		return err
	}
	if err := l.programs(root, bin); err != nil {
		return err
	}
	return l.tw.Close()
}
