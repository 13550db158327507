package stage

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"runtime"
	"slices"
	"strings"

	"github.com/sandwright/sandwright/internal/fault"
	"golang.org/x/sync/errgroup"
)

// Digest is the sha256, in hex, of every path, kind, mode, size, content and
// link target. It does not depend on where the tree lies, whose it is, the
// umask or times, and reads all contents.
func (t *Tree) Digest(ctx context.Context) (string, error) {
	if err := t.Err(); err != nil {
		return "", err
	}
	sums, err := t.sums(ctx)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	for i := range t.entries {
		writeHead(h, t.at(i))
		if sums[i] != nil {
			h.Write(sums[i][:])
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// sums hashes the contents of every file, several at a time. Its error names
// every file that cannot be read.
func (t *Tree) sums(ctx context.Context) ([]*sum, error) {
	sums := make([]*sum, len(t.entries))
	workers := min(4, max(2, runtime.NumCPU()))
	failed := make([]fault.List, workers)
	g, ctx := errgroup.WithContext(ctx)
	for w := range workers {
		g.Go(func() error {
			buf := make([]byte, chunkSize)
			for i := w; i < len(t.entries); i += workers {
				if err := ctx.Err(); err != nil {
					return err
				}
				if t.entries[i].Kind != File {
					continue
				}
				if err := t.retry(i, func(e *Entry) (err error) { sums[i], err = t.sum(e, buf); return err }); err != nil {
					failed[w] = append(failed[w], fault.All(err)...)
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	all := slices.Concat(failed...)
	slices.SortFunc(all, func(a, b *fault.Fault) int { return strings.Compare(a.What, b.What) })
	return sums, all.Err()
}

// chunkSize is the piece that large files are hashed in.
const chunkSize = 1 << 20

// sum is the sha256 of the contents of a file up to chunkSize bytes. Of a
// larger one it is that of the number and the sha256 of each chunk that is not
// all zeros: a file costs what it holds, and is the same wherever its holes are.
func (t *Tree) sum(e *Entry, buf []byte) (*sum, error) {
	c, err := t.content(e)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if e.Size <= chunkSize {
		n, err := readWhole(c, buf)
		s := sum(sha256.Sum256(buf[:n]))
		return &s, err
	}
	h := sha256.New()
	for c.pos < e.Size {
		if err := c.skipHole(chunkSize); err != nil {
			return nil, changed(e.Path)
		}
		if c.pos == e.Size {
			break
		}
		at := c.pos / chunkSize
		n, err := io.ReadFull(c, buf[:min(chunkSize, e.Size-c.pos)])
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		if !zeros(buf[:n]) {
			s := sha256.Sum256(buf[:n])
			h.Write(binary.BigEndian.AppendUint64(nil, uint64(at)))
			h.Write(s[:])
		}
	}
	_, err = readWhole(c, nil)
	return (*sum)(h.Sum(nil)), err
}

// readWhole reads to the end of what is left, which the buffer holds.
func readWhole(c *content, buf []byte) (n int, err error) {
	for err == nil {
		var more int
		more, err = c.Read(buf[n:])
		n += more
	}
	if err == io.EOF {
		err = nil
	}
	return n, err
}

func zeros(b []byte) bool {
	return len(b) > 0 && b[0] == 0 && bytes.Equal(b[1:], b[:len(b)-1])
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
