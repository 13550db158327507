package fetch

import (
	"archive/tar"
	"archive/zip"
	"io"
	"io/fs"
	"math"

	"github.com/klauspost/compress/flate"

	"github.com/sandwright/sandwright/internal/fault"
)

// zip visits a zip archive by its central directory.
func (u *unpacker) zip(in io.ReaderAt, size int64, visit visitor) error {
	z, err := openZip(in, size, maxZipDirectory)
	if err != nil {
		return broken(err)
	}
	z.RegisterDecompressor(zip.Deflate, flate.NewReader)
	for _, f := range z.File {
		if err := u.zipped(f, visit); err != nil {
			return broken(err)
		}
	}
	return nil
}

// maxZipDirectory bounds what is read of a zip before a file of it, in bytes:
// all of its directory is held in memory.
const maxZipDirectory = 64 << 20

// openZip reads the directory of a zip.
func openZip(in io.ReaderAt, size, most int64) (*zip.Reader, error) {
	p := &patience{next: in, left: most}
	z, err := zip.NewReader(p, size)
	if p.left < 0 {
		return nil, fault.Cannot("unpack it: its directory has more than %d bytes", most)
	}
	if err != nil {
		return nil, fault.Cannot("unpack it: it is no zip file")
	}
	p.left = math.MaxInt64
	return z, nil
}

// A patience fails once left bytes have been read.
type patience struct {
	next io.ReaderAt
	left int64
}

// ReadAt is io.ReaderAt's.
func (p *patience) ReadAt(b []byte, off int64) (int, error) {
	if p.left -= int64(len(b)); p.left < 0 {
		return 0, io.ErrNoProgress
	}
	return p.next.ReadAt(b, off)
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
