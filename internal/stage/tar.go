package stage

import (
	"context"
	"errors"
	"io"
	"path"
	"strconv"
	"strings"
)

// tarBuffer is what is written at once. A file that fits is read again when it
// changes meanwhile.
const tarBuffer = 1 << 20

// Tar writes the tree as a tar: every folder, file and link in the order of a
// walk, with Options.UID and GID and one time. The same tree, whose files have
// holes in the same places, gives the same bytes.
func (t *Tree) Tar(ctx context.Context, w io.Writer) error {
	if err := t.Err(); err != nil {
		return err
	}
	when, err := t.Time(ctx)
	if err != nil {
		return err
	}
	out := &tarWriter{tree: t, near: near{root: t.root}, w: w, time: when.Unix(), buf: make([]byte, 0, tarBuffer+4*blockSize)}
	defer out.near.Close()
	all := make([]int, len(t.entries))
	for i := range all {
		all[i] = i
	}
	return out.entries(ctx, all)
}

type tarWriter struct {
	tree   *Tree
	near   near
	w      io.Writer
	time   int64
	anyone bool   // all is of root, whoever the options name
	buf    []byte // begins at the edge of a block
}

// entries writes those at places, and the end of the tar.
func (o *tarWriter) entries(ctx context.Context, places []int) error {
	for n, i := range places {
		if n%64 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if err := o.entry(ctx, i); err != nil {
			return err
		}
	}
	o.buf = append(o.buf, make([]byte, 2*blockSize)...)
	return o.flush()
}

func (o *tarWriter) flush() error {
	_, err := o.w.Write(o.buf)
	o.buf = o.buf[:0]
	return err
}

// header is that of an entry, without its data.
func (o *tarWriter) header(e *Entry) *tarHeader {
	h := &tarHeader{
		kind: '0', name: e.Path, target: e.Target, mode: e.Mode,
		uid: o.tree.opts.UID, gid: o.tree.opts.GID, size: e.Size, time: o.time,
	}
	if o.anyone {
		h.uid, h.gid = 0, 0
	}
	switch e.Kind {
	case Dir:
		h.kind, h.name = '5', e.Path+"/"
	case Link:
		h.kind = '2'
	}
	return h
}

func (o *tarWriter) entry(ctx context.Context, i int) error {
	if e := o.tree.at(i); e.Kind != File {
		o.buf = o.header(e).append(o.buf)
		if len(o.buf) >= tarBuffer {
			return o.flush()
		}
		return nil
	}
	return o.tree.retry(i, func(e *Entry) error {
		e, err := o.tree.sure(i, e)
		if err == nil {
			err = o.file(ctx, e)
		}
		if err != nil {
			o.near.Close() // its folder may be another one when it is tried again
		}
		return err
	})
}

// file writes a file. What is in the buffer of one that changed is taken back.
func (o *tarWriter) file(ctx context.Context, e *Entry) error {
	c, err := contentBy(&o.near, e)
	if err != nil {
		return err
	}
	defer c.Close()
	start := len(o.buf)
	if e.Size > tarBuffer {
		return o.large(ctx, c)
	}
	if int64(start)+e.Size > tarBuffer {
		if err := o.flush(); err != nil {
			return err
		}
		start = 0
	}
	head := o.header(e).append(o.buf)
	n := len(head)
	if int64(cap(head)-n) < e.Size {
		head = append(head, make([]byte, e.Size)...)
	}
	if _, err := readWhole(c, head[n:n+int(e.Size)]); err != nil {
		o.buf = o.buf[:start]
		return err
	}
	o.buf = pad(head[:n+int(e.Size)])
	return nil
}

// large writes a file that no buffer holds, in pieces; of one with holes, only
// what it holds.
func (o *tarWriter) large(ctx context.Context, c *content) error {
	parts, err := c.parts()
	if err != nil {
		return changed(c.entry.Path)
	}
	h := o.header(c.entry)
	var index []byte
	if len(parts) != 1 || parts[0] != (part{0, c.entry.Size}) {
		index = sparse(h, parts, c.entry)
	}
	o.buf = append(h.append(o.buf), index...)
	if err := o.flush(); err != nil {
		return err
	}
	for _, p := range parts {
		if err := o.part(ctx, c, p); err != nil {
			return unretried(err)
		}
	}
	if _, same := c.unchanged(); !same {
		return unretried(changed(c.entry.Path))
	}
	_, err = o.w.Write(make([]byte, (blockSize-h.size%blockSize)%blockSize))
	return err
}

// part copies one part of a file.
func (o *tarWriter) part(ctx context.Context, c *content, p part) error {
	if err := c.seek(p.at); err != nil {
		return err
	}
	for buf, end := o.buf[:tarBuffer], p.at+p.size; c.pos < end; {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := c.Read(buf[:min(tarBuffer, end-c.pos)])
		if err != nil {
			return err
		}
		if _, err := o.w.Write(buf[:n]); err != nil {
			return err
		}
	}
	return nil
}

// A finalError is a change that came too late for another try: a part of the
// file is written already.
type finalError struct{ error }

func (f finalError) Unwrap() error { return f.error }

func unretried(err error) error {
	if errors.Is(err, ErrChanged) {
		return finalError{err}
	}
	return err
}

// sparse makes h the header of a file with holes, as GNU tar's format 1.0 has
// it: the data begins with the list of its parts.
func sparse(h *tarHeader, parts []part, e *Entry) []byte {
	var list strings.Builder
	list.WriteString(strconv.Itoa(len(parts)) + "\n")
	held := int64(0)
	for _, p := range parts {
		list.WriteString(strconv.FormatInt(p.at, 10) + "\n" + strconv.FormatInt(p.size, 10) + "\n")
		held += p.size
	}
	index := pad([]byte(list.String()))
	h.record("GNU.sparse.major", "1")
	h.record("GNU.sparse.minor", "0")
	h.record("GNU.sparse.name", e.Path)
	h.record("GNU.sparse.realsize", strconv.FormatInt(e.Size, 10))
	dir, base := split(e.Path)
	h.name = path.Join(dir, "GNUSparseFile.0", base)
	h.size = int64(len(index)) + held
	return index
}
