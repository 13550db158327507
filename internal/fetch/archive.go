package fetch

import (
	"archive/tar"
	"bytes"
	"cmp"
	"errors"
	"io"
	"os"
	"path"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/therootcompany/xz"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/lock"
)

// A part is one archive that a tool is made of. Its bytes have been verified.
type part struct {
	file   string       // where it stands on this machine
	packed lock.Packing // how
	root   string       // directory around everything, which is left out; empty: none. Of npm it is whatever comes first
	keep   []string     // patterns of what is kept; empty: all
	at     string       // where it goes below the tool's directory; empty: there
	name   string       // of the one file of a gz or a bare program
}

// partOf is the download of a tool's artifact, which stands at file. Of one
// that is a single program, the lock's root is the program's name.
func partOf(file, tool string, a lock.Artifact) part {
	p := part{file: file, packed: a.Packed, root: a.Root, keep: a.Keep}
	if len(a.Closure) > 0 {
		p.at = modulesOf(a.Package)
	}
	if p.packed == lock.PackedBare || p.packed == lock.PackedGzip {
		p.root, p.name = "", path.Base(cmp.Or(a.Root, tool))
	}
	return p
}

// modulesOf is where a package with a closure stands, as npm would put it.
func modulesOf(pkg string) string { return "node_modules/" + pkg }

// A visitor is given each entry that is kept, and the bytes of a file.
type visitor func(entry, io.Reader) error

// read visits what a part holds. It refuses whatever could reach out of the
// tool, stand for two things, or grow without end; then err is a fault
// without a place.
func (p part) read(u *unpacker, visit visitor) (err error) {
	in, err := os.Open(p.file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	u.part = p
	switch p.packed {
	case lock.PackedZip:
		return u.zip(in, info.Size(), visit)
	case lock.PackedBare:
		return u.single(in, info.Size(), visit)
	case lock.PackedGzip:
		return u.gzip(in, visit)
	}
	data := io.Reader(in)
	if p.packed == lock.PackedDeb {
		if data, err = debData(in); err != nil {
			return err
		}
	}
	plain, done, err := decompress(data, p.packed)
	if err != nil {
		return err
	}
	defer done()
	return u.tar(tar.NewReader(&boundedReader{plain, u.stream()}), visit)
}

// gzip visits one compressed program. Only at its end is its size known.
func (u *unpacker) gzip(in io.ReadSeeker, visit visitor) error {
	open := func() (io.Reader, error) {
		if _, err := in.Seek(0, io.SeekStart); err != nil {
			return nil, err
		}
		plain, _, err := decompress(in, lock.PackedGzip)
		return &boundedReader{plain, u.limits.bytes}, err
	}
	plain, err := open()
	if err != nil {
		return err
	}
	size, err := io.Copy(io.Discard, plain)
	if err != nil {
		return broken(err)
	}
	if plain, err = open(); err != nil {
		return err
	}
	return u.single(plain, size, visit)
}

// decompress undoes the compression that a packing says, or of a layer and a
// Debian package the one that its first bytes say. Done frees what it holds.
func decompress(r io.Reader, packed lock.Packing) (plain io.Reader, done func(), err error) {
	done = func() {}
	switch packed {
	case lock.PackedTar:
		return r, done, nil
	case lock.PackedLayer, lock.PackedDeb:
		head, rest, err := peek(r, 6)
		if err != nil {
			return nil, nil, err
		}
		r, packed = rest, compression(head)
	}
	switch packed {
	case lock.PackedNPM, lock.PackedTarGz, lock.PackedGzip:
		plain, err = gzip.NewReader(r)
	case lock.PackedTarXz:
		plain, err = xz.NewReader(r, xzWindow)
	case lock.PackedTarZst:
		var z *zstd.Decoder
		z, err = zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(zstdWindow))
		if err == nil {
			plain, done = z, z.Close
		}
	default:
		return r, done, nil
	}
	if err != nil {
		return nil, nil, fault.Cannot("unpack it: it is no %s file", compressionName(packed))
	}
	return plain, done, nil
}

// What the windows of xz and zstd may take of memory, bytes: those of their
// strongest ordinary levels.
const (
	xzWindow   = 64 << 20
	zstdWindow = 128 << 20
)

func compressionName(packed lock.Packing) string {
	switch packed {
	case lock.PackedTarXz:
		return "xz"
	case lock.PackedTarZst:
		return "zstd"
	}
	return "gzip"
}

// compression is the packing of a tar that begins with head.
func compression(head []byte) lock.Packing {
	switch {
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		return lock.PackedTarGz
	case bytes.HasPrefix(head, []byte("\xfd7zXZ\x00")):
		return lock.PackedTarXz
	case bytes.HasPrefix(head, []byte("\x28\xb5\x2f\xfd")):
		return lock.PackedTarZst
	}
	return lock.PackedTar
}

// peek gives the first n bytes, or all of a shorter r, and a reader of
// everything.
func peek(r io.Reader, n int) ([]byte, io.Reader, error) {
	head := make([]byte, n)
	got, err := io.ReadFull(r, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, nil, err
	}
	head = head[:got]
	return head, io.MultiReader(bytes.NewReader(head), r), nil
}

// sniff tells how a file is packed by its contents; its name is not asked.
func sniff(file string) (packed lock.Packing, err error) {
	in, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	head, whole, err := peek(in, 512)
	if err != nil {
		return "", err
	}
	switch {
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return lock.PackedZip, nil
	case bytes.HasPrefix(head, []byte("!<arch>\n")):
		return lock.PackedDeb, nil
	case len(head) > 262 && string(head[257:262]) == "ustar":
		return lock.PackedTar, nil
	case bytes.HasPrefix(head, []byte("\x7fELF")), bytes.HasPrefix(head, []byte("#!")):
		return lock.PackedBare, nil
	}
	packed = compression(head)
	if packed == lock.PackedTar {
		return "", fault.Cannot("unpack it: it is neither a tar, zip, gz or deb, nor a program")
	}
	plain, done, err := decompress(whole, packed)
	if err != nil {
		return "", err
	}
	defer done()
	switch {
	case isTar(plain):
		return packed, nil
	case packed == lock.PackedTarGz:
		return lock.PackedGzip, nil
	}
	return "", fault.Cannot("unpack it: there is no tar in the %s file", compressionName(packed))
}

// isTar tells whether r begins with the header of a tar.
func isTar(r io.Reader) bool {
	_, err := tar.NewReader(r).Next()
	return err == nil
}

// survey lists what a part holds, within the default limits.
func survey(p part) (entries []entry, err error) {
	err = p.read(newUnpacker(defaultLimits()), func(e entry, _ io.Reader) error {
		entries = append(entries, e)
		return nil
	})
	return entries, err
}

// commonRoot is the one directory that everything stands in; empty when there
// is none. Names are clean.
func commonRoot(entries []entry) string {
	root := ""
	for _, e := range entries {
		top, _, below := strings.Cut(e.name, "/")
		if !below && e.kind != tar.TypeDir || root != "" && top != root {
			return ""
		}
		root = top
	}
	return root
}
