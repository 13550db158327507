package stage

import (
	"errors"
	"io"
	"os"

	"github.com/sandwright/sandwright/internal/fault"
	"golang.org/x/sys/unix"
)

// ErrChanged is what reading a file of a Tree fails with, wrapped in a fault,
// when the file is not the one that Open looked at any more.
var ErrChanged = errors.New("it changed while it was being read")

func changed(p string) *fault.Fault {
	return fault.Cannot("stage %s: %w", show(p), ErrChanged).WithHint("run the command again")
}

// content opens a file's contents. Nothing but the very bytes that Open saw is
// ever read to the end: reading fails when the file changes under way.
func (t *Tree) content(e *Entry) (*content, error) {
	f, err := t.root.open(e.Path, fileFlags)
	if gone(err) {
		return nil, changed(e.Path)
	}
	if err != nil {
		return nil, fault.Cannot("read %s: %w", show(e.Path), errors.Unwrap(err))
	}
	c := &content{f: f, entry: e, left: e.Size}
	if !c.unchanged() {
		f.Close()
		return nil, changed(e.Path)
	}
	return c, nil
}

// A content reads exactly the size of its entry.
type content struct {
	f     *os.File
	entry *Entry
	left  int64
}

// Read gives an error in place of the end when the file changed.
func (c *content) Read(b []byte) (int, error) {
	if c.left == 0 {
		if !c.unchanged() {
			return 0, changed(c.entry.Path)
		}
		return 0, io.EOF
	}
	n, err := c.f.Read(b[:min(int64(len(b)), c.left)])
	c.left -= int64(n)
	if err == io.EOF {
		return n, changed(c.entry.Path)
	}
	return n, err
}

func (c *content) Close() error { return c.f.Close() }

// unchanged compares the open file with what Open saw.
func (c *content) unchanged() bool {
	var st unix.Stat_t
	if err := unix.Fstat(int(c.f.Fd()), &st); err != nil {
		return false
	}
	return uint32(st.Mode)&unix.S_IFMT == unix.S_IFREG && identify(&st).same(c.entry.id)
}
