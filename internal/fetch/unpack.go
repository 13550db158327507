package fetch

import (
	"archive/tar"
	"errors"
	"io"
	"path"
	"slices"
	"strings"
	"unicode"

	"github.com/klauspost/compress/gzip"
	"github.com/sandwright/sandwright/internal/fault"
)

// Bounds of one unpacked package, and of what its archive may decompress to.
const (
	maxUnpacked = 2 << 30
	maxEntries  = 200_000
	maxStream   = maxUnpacked + 2048*maxEntries
	maxName     = 1024
)

// An entry is one file, directory or link of a package, named from its root.
type entry struct {
	name string
	kind byte // tar.TypeReg, TypeDir, TypeSymlink or TypeLink
	exec bool
	size int64
	link string // of a symlink as it stands; of a hard link from the root
}

// readPackage visits what an npm tarball holds, without its first directory.
// It refuses whatever could reach out of the package, stand for two things,
// or grow without end; then err is a fault without a place.
func readPackage(r io.Reader, visit func(entry, io.Reader) error) error {
	gz, err := gzip.NewReader(r)
	if err != nil {
		return fault.Cannot("unpack it: it is no gzip file")
	}
	u := &unpacker{kinds: map[string]byte{"": tar.TypeDir}}
	tr := tar.NewReader(&boundedReader{gz, maxStream})
	for {
		hdr, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return broken(err)
		}
		e, use, err := u.admit(hdr)
		if err != nil {
			return err
		}
		if use {
			if err := visit(e, tr); err != nil {
				return broken(err)
			}
		}
	}
}

// broken turns an error of the archive into a fault, and leaves faults alone.
func broken(err error) error {
	var f *fault.Fault
	if errors.As(err, &f) {
		return err
	}
	return fault.Cannot("unpack it: %w", err)
}

// An unpacker remembers what has been admitted.
type unpacker struct {
	kinds   map[string]byte
	entries int
	bytes   int64
}

// admit judges one header. Use is false for what is left out without harm.
func (u *unpacker) admit(hdr *tar.Header) (e entry, use bool, err error) {
	if u.entries++; u.entries > maxEntries {
		return e, false, fault.Cannot("unpack it: it has more than %d entries", maxEntries)
	}
	if hdr.Typeflag == tar.TypeXGlobalHeader {
		return e, false, nil
	}
	if why := badName(hdr.Name); why != "" {
		return e, false, fault.Cannot("unpack %q: %s", hdr.Name, why)
	}
	_, name, _ := strings.Cut(path.Clean(hdr.Name), "/")
	e = entry{name: name, kind: hdr.Typeflag, exec: hdr.Mode&0o111 != 0, size: hdr.Size, link: hdr.Linkname}
	if name == "" {
		if e.kind != tar.TypeDir {
			return e, false, fault.Cannot("unpack %q: it stands outside of the package", hdr.Name)
		}
		return e, false, nil
	}
	if u.bytes += hdr.Size; hdr.Size < 0 || u.bytes > maxUnpacked {
		return e, false, fault.Cannot("unpack it: it has more than %d bytes", maxUnpacked)
	}
	if why := u.place(&e); why != "" {
		return e, false, fault.Cannot("unpack %q: %s", hdr.Name, why)
	}
	return e, true, nil
}

// badName says what is wrong with a name as the archive has it.
func badName(name string) string {
	parts := strings.Split(name, "/")
	switch {
	case name == "" || len(name) > maxName:
		return "its name is empty or too long"
	case strings.HasPrefix(name, "/"):
		return "its name is absolute"
	case slices.Contains(parts, ".."):
		return "its name has .. in it"
	case strings.ContainsFunc(name, unicode.IsControl):
		return "its name has a control character in it"
	case slices.ContainsFunc(parts, func(s string) bool { return strings.HasPrefix(s, ".wh.") }):
		return "its name would delete a file in an image"
	}
	return ""
}

// place remembers e and the directories above it, or says why it may not be.
func (u *unpacker) place(e *entry) string {
	for dir := path.Dir(e.name); dir != "."; dir = path.Dir(dir) {
		if kind, ok := u.kinds[dir]; ok && kind != tar.TypeDir {
			return "it stands below something that is no directory"
		}
		u.kinds[dir] = tar.TypeDir
	}
	if kind, ok := u.kinds[e.name]; ok && (kind != tar.TypeDir || e.kind != tar.TypeDir) {
		return "it is there twice"
	}
	u.kinds[e.name] = e.kind
	switch e.kind {
	case tar.TypeReg, tar.TypeDir:
		return ""
	case tar.TypeSymlink:
		return badLink(e.name, e.link)
	case tar.TypeLink:
		return u.hardLink(e)
	}
	return "it is neither file, directory nor link"
}

// badLink says why a symlink may leave the package. Steps up are allowed at
// the front only: there they count from the link's own directory, which is
// never a link itself, so no chain of links can lead out either.
func badLink(name, target string) string {
	down := false
	for part := range strings.SplitSeq(target, "/") {
		if part == ".." && down {
			return "it links up again after going down"
		}
		down = down || part != ".."
	}
	landed := path.Join(path.Dir(name), target)
	if target == "" || strings.HasPrefix(target, "/") || landed == ".." || strings.HasPrefix(landed, "../") {
		return "it links out of the package, to " + target
	}
	return ""
}

// hardLink names the target of e from the root; it must be a file already.
func (u *unpacker) hardLink(e *entry) string {
	if why := badName(e.link); why != "" {
		return "it links out of the package, to " + e.link
	}
	_, e.link, _ = strings.Cut(path.Clean(e.link), "/")
	if u.kinds[e.link] != tar.TypeReg {
		return "it links to something that is no file of the package"
	}
	return ""
}

// A boundedReader fails, rather than ends, after left bytes.
type boundedReader struct {
	next io.Reader
	left int64
}

func (b *boundedReader) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fault.Cannot("unpack it: it has more than %d bytes", maxUnpacked)
	}
	n, err := b.next.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}
