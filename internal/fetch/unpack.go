package fetch

import (
	"archive/tar"
	"errors"
	"io"
	"path"
	"slices"
	"strings"
	"unicode"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/lock"
)

// limits bound what is kept of a tool. The lock pins them; before there is
// one, defaultLimits hold.
type limits struct {
	files int64 // files and links
	bytes int64 // of its files
}

func defaultLimits() limits { return limits{lock.MaxFiles, lock.MaxUnpacked} }

const (
	maxName    = 1024    // bytes of a name
	maxEntries = 400_000 // of the archives of one tool, whether kept or not
)

// An entry is one file, directory or link of a tool, named from the tool's
// directory.
type entry struct {
	name string
	kind byte // tar.TypeReg, TypeDir, TypeSymlink or TypeLink
	exec bool
	size int64
	link string // of a symlink as it stands; of a hard link from the tool's directory
}

// An unpacker reads the parts of one tool and remembers what it let through.
type unpacker struct {
	limits  limits
	part    part
	kinds   map[string]byte   // by name
	folded  map[string]string // by name in one case
	entries int64
	files   int64 // kept
	bytes   int64 // kept
}

func newUnpacker(l limits) *unpacker {
	return &unpacker{limits: l, kinds: map[string]byte{"": tar.TypeDir}, folded: map[string]string{}}
}

// tar visits a tar archive.
func (u *unpacker) tar(tr *tar.Reader, visit visitor) error {
	for {
		hdr, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return broken(err)
		}
		if hdr.Typeflag == tar.TypeXGlobalHeader {
			continue
		}
		e := entry{name: hdr.Name, kind: hdr.Typeflag, exec: hdr.Mode&0o111 != 0, size: hdr.Size, link: hdr.Linkname}
		if err := u.visit(e, tr, visit); err != nil {
			return broken(err)
		}
	}
}

// single visits a part that is one program of that size.
func (u *unpacker) single(r io.Reader, size int64, visit visitor) error {
	return u.visit(entry{name: u.part.name, kind: tar.TypeReg, exec: true, size: size}, r, visit)
}

// visit passes on an entry as the archive has it, if it is kept.
func (u *unpacker) visit(e entry, body io.Reader, visit visitor) error {
	e, use, err := u.admit(e)
	if err != nil || !use {
		return err
	}
	return visit(e, body)
}

// broken turns an error of the archive into a fault, and leaves faults alone.
func broken(err error) error {
	var f *fault.Fault
	if errors.As(err, &f) || noSpace(err) {
		return err
	}
	return fault.Cannot("unpack it: %w", err)
}

// admit judges one entry, named as the archive has it. Use is false for what
// is left out without harm.
func (u *unpacker) admit(raw entry) (e entry, use bool, err error) {
	if u.entries++; max(u.entries, int64(len(u.kinds))) > maxEntries { // one name may stand for hundreds of directories
		return e, false, fault.Cannot("unpack it: it has more than %d entries", maxEntries)
	}
	if why := badName(raw.name); why != "" {
		return e, false, fault.Cannot("unpack %q: %s", raw.name, why)
	}
	e = raw
	name, inside := u.part.inside(path.Clean(raw.name))
	switch {
	case !inside && e.kind != tar.TypeDir:
		return e, false, fault.Cannot("unpack %q: it stands outside of %s", raw.name, u.part.around())
	case !inside || name == "" || !u.part.kept(name):
		return e, false, nil
	}
	e.name = path.Join(u.part.at, name)
	if why := u.place(&e); why != "" {
		return e, false, fault.Cannot("unpack %q: %s", raw.name, why)
	}
	return e, true, u.count(e)
}

// count holds what is kept against the limits.
func (u *unpacker) count(e entry) error {
	if e.kind == tar.TypeDir {
		return nil
	}
	if u.files++; u.files > u.limits.files {
		return fault.Cannot("unpack it: it has more than %d files", u.limits.files)
	}
	if e.size < 0 || e.size > u.limits.bytes-u.bytes {
		return fault.Cannot("unpack it: it has more than %d bytes", u.limits.bytes)
	}
	u.bytes += e.size
	return nil
}

// stream is what a part may decompress to, headers and all.
func (u *unpacker) stream() int64 {
	l := u.limits
	if len(u.part.keep) > 0 {
		l = defaultLimits()
	}
	return l.bytes + 4096*l.files + 1<<20
}

// inside takes the part's root off a clean name.
func (p part) inside(name string) (string, bool) {
	if p.packed == lock.PackedNPM {
		_, rest, below := strings.Cut(name, "/")
		return rest, below
	}
	if name == "." || p.root == "" {
		return strings.TrimPrefix(name, "."), true
	}
	if name == p.root {
		return "", true
	}
	return strings.CutPrefix(name, p.root+"/")
}

// around is what the part's entries stand in, for people.
func (p part) around() string {
	if p.packed == lock.PackedNPM {
		return "the package"
	}
	return p.root
}

// kept tells whether a name, or a directory it stands in, matches a pattern.
func (p part) kept(name string) bool {
	for at := name; at != "." && len(p.keep) > 0; at = path.Dir(at) {
		for _, pattern := range p.keep {
			if ok, _ := path.Match(path.Clean(pattern), at); ok {
				return true
			}
		}
	}
	return len(p.keep) == 0
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
	case strings.Contains(name, `\`):
		return `its name has a \ in it`
	}
	return ""
}

// A boundedReader fails, rather than ends, after left bytes.
type boundedReader struct {
	next io.Reader
	left int64
}

func (b *boundedReader) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, fault.Cannot("unpack it: it has more bytes than it may")
	}
	n, err := b.next.Read(p[:min(int64(len(p)), b.left+1)])
	if b.left -= int64(n); b.left < 0 {
		return 0, fault.Cannot("unpack it: it has more bytes than it may")
	}
	return n, err
}
