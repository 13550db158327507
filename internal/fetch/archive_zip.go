package fetch

import (
	"archive/tar"
	"archive/zip"
	"io"
	"io/fs"

	"github.com/klauspost/compress/flate"

	"github.com/sandwright/sandwright/internal/fault"
)

// zip visits a zip archive by its central directory.
func (u *unpacker) zip(in io.ReaderAt, size int64, visit visitor) error {
	z, err := zip.NewReader(in, size)
	if err != nil {
		return fault.Cannot("unpack it: it is no zip file")
	}
	z.RegisterDecompressor(zip.Deflate, flate.NewReader)
	for _, f := range z.File {
		if err := u.zipped(f, visit); err != nil {
			return broken(err)
		}
	}
	return nil
}

func (u *unpacker) zipped(f *zip.File, visit visitor) error {
	if f.Flags&1 != 0 {
		return fault.Cannot("unpack %q: it is encrypted", f.Name)
	}
	// A size that is no int64 becomes negative, which count refuses.
	e := entry{name: f.Name, kind: tarKind(f.Mode()), exec: f.Mode()&0o111 != 0, size: int64(f.UncompressedSize64)}
	body, err := f.Open()
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }()
	if e.kind == tar.TypeSymlink {
		target, err := io.ReadAll(io.LimitReader(body, maxName+1))
		if err != nil {
			return err
		}
		e.link, e.size = string(target), 0
	}
	return u.visit(e, body, visit)
}

// tarKind is tar's letter for a mode, 0 for what is never let through. A zip
// that no Unix system made has modes of its own making.
func tarKind(mode fs.FileMode) byte {
	switch mode.Type() {
	case 0:
		return tar.TypeReg
	case fs.ModeDir:
		return tar.TypeDir
	case fs.ModeSymlink:
		return tar.TypeSymlink
	}
	return 0
}
