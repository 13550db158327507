package stage

import (
	"context"
	"io"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/receipt"
)

// Contents are what is known of an entry's contents.
type Contents struct {
	Entry
	Sum string // as raw bytes: as a Summer makes it of a file or of a link's target; "" of a folder
}

// Contents gives every entry with its contents' sum, in the order of Entries.
// It reads what is not known from before. Nobody may change what it gives.
func (t *Tree) Contents(ctx context.Context) ([]Contents, error) {
	if err := t.Err(); err != nil {
		return nil, err
	}
	if given := t.given.Load(); given != nil && !t.renewed.Load() {
		return *given, nil
	}
	known := t.sums.Load()
	if known == nil {
		sums, err := t.contents(ctx)
		if err != nil {
			return nil, err
		}
		known = &sums
	}
	out := make([]Contents, len(t.entries))
	for i := range t.entries {
		out[i] = Contents{Entry: *t.at(i)}
		switch out[i].Kind {
		case Link:
			s := NewSummer(int64(len(out[i].Target)))
			io.WriteString(s, out[i].Target)
			out[i].Sum = s.Sum()
		case File:
			out[i].Sum = string((*known)[i][:])
		}
	}
	if !t.renewed.Load() {
		t.given.Store(&out)
	}
	return out, nil
}

// WholeSum is the size, in bytes, up to which the sum of a file is the sha256
// of its contents.
const WholeSum = chunkSize

// Place gives the place of a path in Entries, and whether it is there.
func (t *Tree) Place(path string) (int, bool) { return t.find(path) }

// Read opens a file of Entries by its place, for reading once: what is read to
// the end is what was looked at.
func (t *Tree) Read(place int) (io.ReadCloser, error) { return t.content(t.at(place)) }

// ReadHeld is Read without the holes of a file: each is read as one NUL. It is
// for who looks for texts, so that a file costs what it holds.
func (t *Tree) ReadHeld(place int) (io.ReadCloser, error) {
	c, err := t.content(t.at(place))
	if err != nil {
		return nil, err
	}
	return held{c}, nil
}

// A held content has no holes.
type held struct{ *content }

func (h held) Read(b []byte) (int, error) {
	before := h.pos
	if err := h.skipHole(blockSize); err != nil {
		return 0, changed(h.entry.Path)
	}
	if h.pos > before && len(b) > 0 {
		b[0] = 0
		return 1, nil
	}
	return h.content.Read(b)
}

// Holds says that something is at a path below the root, staged or not, with no
// link on the way to it.
func (t *Tree) Holds(p string) bool {
	dir, name := split(p)
	fd, err := t.root.openFD(dir, dirFlags)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	_, err = lstat(fd, name)
	return err == nil
}

// A Summer is written contents of a known size, and gives their sum, as Digest
// uses it.
type Summer = receipt.Summer

// NewSummer takes the size, in bytes, of what will be written.
func NewSummer(size int64) *Summer { return receipt.NewSummer(size) }
