package logview

import (
	"bufio"
	"io"
	"slices"
	"strings"
)

// kept gives the last n lines of each service, all when n is negative, merged
// by their stamps; those of one service stay in their order. What a service
// writes meanwhile is left for Follow.
func (r *Reader) kept(n int, f func(Line) error) error {
	var cursors []*cursor // by their next line
	defer func() {
		for _, c := range cursors {
			c.close()
		}
	}()
	for i, service := range r.services {
		if c := r.cursor(i, service, n); c.next() {
			cursors = append(cursors, c)
		}
	}
	slices.SortFunc(cursors, compare)
	for len(cursors) > 0 {
		first := cursors[0]
		if err := f(Line{first.service, first.text}); err != nil {
			return err
		}
		if !first.next() {
			cursors = cursors[1:]
			continue
		}
		i, _ := slices.BinarySearchFunc(cursors[1:], first, compare)
		copy(cursors, cursors[1:i+1])
		cursors[i] = first
	}
	return nil
}

// compare orders cursors by the stamps of their lines, and then as the
// services stand.
func compare(a, b *cursor) int {
	if c := strings.Compare(stamp(a.text), stamp(b.text)); c != 0 {
		return c
	}
	return a.index - b.index
}

// stamp is the first two words of a line: a date and a time, or one TAI64N label.
func stamp(text string) string {
	date, rest, _ := strings.Cut(text, " ")
	clock, _, _ := strings.Cut(rest, " ")
	return text[:min(len(text), len(date)+1+len(clock))]
}

// A cursor stands at one of the lines that a service has kept.
type cursor struct {
	reader  *Reader
	service string
	index   int    // of the service
	text    string // of the line

	rotated []string // still to be read
	skipped int64    // bytes of the first of them that are not wanted
	current *tail    // to be read after them; nil without
	from    int64    // where to begin in current
	to      int64    // and where to end
	in      *bufio.Reader
	open    *tail // what in reads
	last    bool  // that is current
}

// cursor stands before the first of the last n lines of a service.
func (r *Reader) cursor(index int, service string, n int) *cursor {
	c := &cursor{reader: r, service: service, index: index, in: bufio.NewReaderSize(nil, 16<<10)}
	// The current file first: what is rotated meanwhile is still open.
	c.current = r.now(service)
	c.rotated = r.rotatedFiles(service)
	if c.current != nil {
		c.to = c.current.size()
		c.from = max(0, c.to-maxBytes)
		if i := r.place(service, c.rotated, c.current); i >= 0 {
			c.rotated = c.rotated[:i]
		}
	} else {
		r.pass(service, c.rotated)
	}
	if n >= 0 {
		c.skip(n)
	}
	return c
}

// skip goes forward to where no more than n lines are left.
func (c *cursor) skip(n int) {
	found := 0
	if c.current != nil {
		c.from, found = lastLines(c.current.file, c.to, n, false)
	}
	for i, name := range slices.Backward(c.rotated) {
		n -= found
		f := c.reader.openRotated(c.service, name)
		if n <= 0 || f == nil { // enough, or what is older is rotated away
			c.rotated = c.rotated[i+1:]
			f.Close()
			return
		}
		c.skipped, found = lastLines(f, (&tail{file: f}).size(), n, true)
		f.Close()
	}
}

// next goes to the next line; false after the last.
func (c *cursor) next() bool {
	for c.open != nil || c.advance() {
		text, ok := c.open.next(c.in)
		if !ok && !c.last && len(c.open.partial) > 0 {
			text, ok = c.open.take(), true // the rest will not come
		}
		if ok {
			c.text = text
			return true
		}
		c.close()
	}
	return false
}

// advance goes to the next file.
func (c *cursor) advance() bool {
	for len(c.rotated) > 0 {
		f := c.reader.openRotated(c.service, c.rotated[0])
		skipped := c.skipped
		c.rotated, c.skipped = c.rotated[1:], 0
		if f == nil { // rotated away since
			continue
		}
		c.open = &tail{file: f}
		size := c.open.size()
		c.read(max(skipped, size-maxBytes), size)
		return true
	}
	if c.current == nil || c.last {
		return false
	}
	c.open, c.last = c.current, true
	c.open.partial = nil
	c.read(c.from, c.to)
	return true
}

// read has in give a part of the open file.
func (c *cursor) read(from, to int64) {
	if _, err := c.open.file.Seek(from, io.SeekStart); err != nil {
		from = to
	}
	c.in.Reset(io.LimitReader(c.open.file, to-from))
}

// close leaves the open file.
func (c *cursor) close() {
	if c.open != nil && !c.last {
		c.open.file.Close()
	}
	c.open = nil
}
