package fetch

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"io"
	"path"
	"time"
)

// A layerWriter writes a layer whose bytes depend on its content alone:
// owner root, time zero, modes 0644 and 0755.
type layerWriter struct {
	tw   *tar.Writer
	dirs map[string]bool
	buf  []byte
}

// copyBuffer is small enough to stay in a core's cache while it is
// decompressed into, hashed twice and written.
const copyBuffer = 256 << 10

func newLayerWriter(w io.Writer) *layerWriter {
	return &layerWriter{tar.NewWriter(w), map[string]bool{".": true}, make([]byte, copyBuffer)}
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

// file adds a file of that size below directories that are added with it, and
// gives its sha256, hex.
func (l *layerWriter) file(name string, exec bool, size int64, body io.Reader) (string, error) {
	if err := l.dir(path.Dir(name)); err != nil {
		return "", err
	}
	hdr := tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: size}
	if exec {
		hdr.Mode = 0o755
	}
	if err := l.add(hdr); err != nil {
		return "", err
	}
	h := sha256.New()
	// Plain readers and writers: their own WriteTo and ReadFrom would not use buf.
	_, err := io.CopyBuffer(struct{ io.Writer }{io.MultiWriter(l.tw, h)}, struct{ io.Reader }{body}, l.buf)
	return hexSum(h), err
}

// link adds a symbolic or hard link below directories that are added with it.
func (l *layerWriter) link(kind byte, name, target string, mode int64) error {
	if err := l.dir(path.Dir(name)); err != nil {
		return err
	}
	return l.add(tar.Header{Typeflag: kind, Name: name, Linkname: target, Mode: mode})
}

// data adds a small file.
func (l *layerWriter) data(name string, data []byte) error {
	_, err := l.file(name, false, int64(len(data)), bytes.NewReader(data))
	return err
}
