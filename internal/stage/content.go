package stage

import (
	"errors"
	"io"
	"time"

	"github.com/sandwright/sandwright/internal/fault"
	"golang.org/x/sys/unix"
)

// maxTries is how often a file that changes while it is read is read again.
const maxTries = 3

// ErrChanged is what reading a file of a Tree fails with, wrapped in a fault,
// when the file is not the one that was looked at any more.
var ErrChanged = errors.New("it changed while it was being read")

func changed(p string) *fault.Fault {
	return fault.Cannot("stage %s: %w", show(p), ErrChanged).WithHint("run the command again, when nothing writes to it")
}

// An Unreadable is what reading a file of a Tree fails with, wrapped in a fault,
// when the file is there and cannot be opened.
type Unreadable struct {
	Path string // any bytes
	Err  error
}

func (u *Unreadable) Error() string { return u.Err.Error() }
func (u *Unreadable) Unwrap() error { return u.Err }

// at is the entry at a place as it was last looked at.
func (t *Tree) at(i int) *Entry {
	if t.renewed.Load() {
		if e, ok := t.fresh.Load(i); ok {
			return e.(*Entry) //nolint:forcetypeassert // nothing else is stored
		}
	}
	return &t.entries[i]
}

// again looks at a file that changed since. What is no file any more, or is
// gone, stays changed.
func (t *Tree) again(i int) (*Entry, error) {
	old := t.at(i)
	dir, name := split(old.Path)
	fd, err := t.root.openFD(dir, dirFlags)
	if err != nil {
		return nil, changed(old.Path)
	}
	defer unix.Close(fd)
	look := time.Now()
	seen, err := lookIn(fd, name)
	if err != nil || seen.kind() != unix.S_IFREG {
		return nil, changed(old.Path)
	}
	e := &Entry{Path: old.Path}
	e.become(seen, look)
	t.fresh.Store(i, e)
	t.renewed.Store(true)
	return e, nil
}

// retry reads the file at a place, and again when it changed meanwhile, a few
// times. Then the error names it.
func (t *Tree) retry(i int, read func(*Entry) error) error {
	err := read(t.at(i))
	for tries := 0; errors.Is(err, ErrChanged) && tries < maxTries; tries++ {
		if late := (finalError{}); errors.As(err, &late) {
			return late.error
		}
		time.Sleep(10 * time.Millisecond << tries)
		e, gone := t.again(i)
		if gone != nil {
			return gone
		}
		err = read(e)
	}
	return err
}

// content opens a file's contents. Nothing but the very bytes that were looked
// at is ever read to the end: reading fails when the file changes under way.
func (t *Tree) content(e *Entry) (*content, error) { return contentBy(t.root, e) }

// contentBy is content with an opener: a root, or a near.
func contentBy(opener interface {
	openFD(string, int) (int, error)
}, e *Entry) (*content, error) {
	fd, err := opener.openFD(e.Path, fileFlags)
	if gone(err) {
		return nil, changed(e.Path)
	}
	if err != nil {
		return nil, fault.Cannot("read %s: %w", show(e.Path), &Unreadable{e.Path, err}).WithHint("make it readable, or add it to .gitignore")
	}
	c := &content{fd: fd, entry: e}
	blocks, same := c.unchanged()
	if !same {
		c.Close()
		return nil, changed(e.Path)
	}
	c.sparse = blocks*512 < e.Size
	return c, nil
}

// A content reads exactly the size of its entry.
type content struct {
	fd     int
	entry  *Entry
	pos    int64
	sparse bool // it holds less than its size
	closed bool
}

// Read gives an error in place of the end when the file changed.
func (c *content) Read(b []byte) (int, error) {
	if c.pos == c.entry.Size {
		if _, same := c.unchanged(); !same {
			return 0, changed(c.entry.Path)
		}
		return 0, io.EOF
	}
	for {
		n, err := unix.Read(c.fd, b[:min(int64(len(b)), c.entry.Size-c.pos)])
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return 0, fault.Cannot("read %s: %w", show(c.entry.Path), err)
		case n == 0 && len(b) > 0:
			return 0, changed(c.entry.Path)
		}
		c.pos += int64(n)
		return n, nil
	}
}

// Close may be called twice.
func (c *content) Close() error {
	if c.closed {
		return nil
	}
	c.closed = true
	return unix.Close(c.fd)
}

// unchanged compares the open file with what was looked at, and says how many
// blocks of 512 bytes it holds.
func (c *content) unchanged() (blocks int64, same bool) {
	var st unix.Stat_t
	if c.closed || unix.Fstat(c.fd, &st) != nil {
		return 0, false
	}
	return st.Blocks, uint32(st.Mode)&unix.S_IFMT == unix.S_IFREG && identify(&st).same(c.entry.id)
}

// skipHole goes to the next multiple of unit, from where it is, below which
// the file holds nothing but a hole.
func (c *content) skipHole(unit int64) error {
	if !c.sparse {
		return nil
	}
	data, err := unix.Seek(c.fd, c.pos, unix.SEEK_DATA)
	switch {
	case errors.Is(err, unix.ENXIO):
		c.pos = c.entry.Size
		return nil
	case err != nil:
		c.sparse = false // the file system cannot say
		data = c.pos
	}
	return c.seek(c.pos + (min(data, c.entry.Size)-c.pos)/unit*unit)
}
