package stage

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"io"
	"runtime"

	"golang.org/x/sync/errgroup"
)

// Fingerprint is a cheap identity of the tree on this disk, from what lstat
// knows: while it is the same, nothing that is staged can have changed. The
// reverse is not promised: a tree may get another one without a change, and
// does when a file was changed within 100 ms of the look.
func (t *Tree) Fingerprint() string {
	h := sha256.New()
	writeFields(h, uint64(t.opts.UID), uint64(t.opts.GID))
	for i := range t.entries {
		e := &t.entries[i]
		writeHead(h, e)
		h.Write(e.id.append(nil))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Digest is the sha256, in hex, of every path, kind, mode, size, content and
// link target. It does not depend on where the tree lies, whose it is, the
// umask or times, and reads all contents.
func (t *Tree) Digest(ctx context.Context) (string, error) {
	sums, err := t.sums(ctx)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	for i := range t.entries {
		writeHead(h, &t.entries[i])
		h.Write(sums[i])
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// sums hashes the contents of every file, several at a time.
func (t *Tree) sums(ctx context.Context) ([][]byte, error) {
	sums := make([][]byte, len(t.entries))
	g, ctx := errgroup.WithContext(ctx)
	workers := min(4, max(2, runtime.NumCPU()))
	for w := range workers {
		g.Go(func() error {
			buf := make([]byte, 64<<10)
			for i := w; i < len(t.entries); i += workers {
				if err := ctx.Err(); err != nil {
					return err
				}
				if t.entries[i].Kind != File {
					continue
				}
				sum, err := t.sum(&t.entries[i], buf)
				if err != nil {
					return err
				}
				sums[i] = sum
			}
			return nil
		})
	}
	return sums, g.Wait()
}

func (t *Tree) sum(e *Entry, buf []byte) ([]byte, error) {
	c, err := t.content(e)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	h := sha256.New()
	if _, err := io.CopyBuffer(h, struct{ io.Reader }{c}, buf); err != nil {
		return nil, err
	}
	return h.Sum(nil), nil
}

// writeHead writes an entry without its contents, so that no two lists of
// entries write the same bytes.
func writeHead(h hash.Hash, e *Entry) {
	writeFields(h, uint64(e.Kind), uint64(e.Mode), uint64(e.Size), uint64(len(e.Path)), uint64(len(e.Target)))
	io.WriteString(h, e.Path)
	io.WriteString(h, e.Target)
}

func writeFields(h hash.Hash, fields ...uint64) {
	for _, f := range fields {
		h.Write(binary.BigEndian.AppendUint64(nil, f))
	}
}
