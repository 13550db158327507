package stage

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"runtime"
	"slices"
	"strings"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/receipt"
	"golang.org/x/sync/errgroup"
)

// Digest is the sha256, in hex, of every path, kind, mode, size, content and
// link target. It does not depend on where the tree lies, whose it is, the
// umask or times. It reads the contents of the files that the cache does not
// know, and adds them to it.
func (t *Tree) Digest(ctx context.Context) (string, error) {
	if err := t.Err(); err != nil {
		return "", err
	}
	sums, err := t.known(ctx)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	var buf []byte
	for i := range t.entries {
		buf = appendHead(buf, t.at(i))
		if t.entries[i].Kind == File {
			buf = append(buf, sums[i][:]...)
		}
		if len(buf) > 1<<15 {
			h.Write(buf)
			buf = buf[:0]
		}
	}
	h.Write(buf)
	return hex.EncodeToString(h.Sum(nil)), nil
}

// known gives the sum of each file, from before where none was looked at again.
func (t *Tree) known(ctx context.Context) ([]sum, error) {
	if sums := t.sums.Load(); sums != nil && !t.renewed.Load() {
		return *sums, nil
	}
	return t.contents(ctx)
}

// contents gives the sum of each file, and saves those that were read.
func (t *Tree) contents(ctx context.Context) ([]sum, error) {
	sums := make([]sum, len(t.entries))
	var todo []int
	files := 0
	for i := range t.entries {
		e := &t.entries[i]
		if e.Kind != File {
			continue
		}
		files++
		if e.cached > 0 {
			sums[i] = t.cache.files.sum(e.cached)
		}
		if sums[i] == (sum{}) {
			todo = append(todo, i)
		}
	}
	if err := t.read(ctx, todo, sums); err != nil {
		return nil, err
	}
	t.sums.Store(&sums)
	if m := t.memory.Swap(nil); m != nil {
		if err := m.save(t.opts.Lists); err != nil {
			return nil, err
		}
	}
	if t.opts.Cache != "" && (len(todo) > 0 || t.learnt || t.cache.files.len() > 2*files) {
		return sums, t.saveCache(sums)
	}
	return sums, nil
}

// read hashes the contents of files, several at a time. Its error names every
// file that cannot be read.
func (t *Tree) read(ctx context.Context, todo []int, sums []sum) error {
	workers := min(4, max(2, runtime.NumCPU()))
	failed := make([]fault.List, workers)
	g, ctx := errgroup.WithContext(ctx)
	for w := range workers {
		g.Go(func() error {
			buf, from := make([]byte, chunkSize), &near{root: t.root}
			defer from.Close()
			for n := w; n < len(todo); n += workers {
				if err := ctx.Err(); err != nil {
					return err
				}
				i := todo[n]
				err := t.retry(i, func(e *Entry) (err error) { sums[i], err = sumFile(ctx, from, e, buf); return err })
				failed[w] = append(failed[w], fault.All(err)...)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	all := slices.Concat(failed...)
	slices.SortFunc(all, func(a, b *fault.Fault) int { return strings.Compare(a.What, b.What) })
	return all.Err()
}

// chunkSize is the piece that large files are hashed in.
const chunkSize = receipt.ChunkSize

// sumFile is the sha256 of the contents of a file up to chunkSize bytes. Of a
// larger one it is that of the size and of the number and the sha256 of each chunk
// that is not all zeros: a file costs what it holds, and is the same wherever its
// holes are.
func sumFile(ctx context.Context, from *near, e *Entry, buf []byte) (_ sum, err error) {
	defer func() {
		if err != nil {
			from.Close() // its folder may be another one when it is tried again
		}
	}()
	c, err := contentBy(from, e)
	if err != nil {
		return sum{}, err
	}
	defer c.Close()
	if e.Size <= chunkSize {
		n, err := readWhole(c, buf)
		return sha256.Sum256(buf[:n]), err
	}
	h := sha256.New()
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(e.Size)))
	for c.pos < e.Size {
		if err := ctx.Err(); err != nil {
			return sum{}, err
		}
		if err := c.skipHole(chunkSize); err != nil {
			return sum{}, changed(e.Path)
		}
		if c.pos == e.Size {
			break
		}
		at := c.pos / chunkSize
		n, err := io.ReadFull(c, buf[:min(chunkSize, e.Size-c.pos)])
		if err != nil && !errors.Is(err, io.EOF) {
			return sum{}, err
		}
		if !receipt.Zeros(buf[:n]) {
			s := sha256.Sum256(buf[:n])
			h.Write(binary.BigEndian.AppendUint64(nil, uint64(at)))
			h.Write(s[:])
		}
	}
	_, err = readWhole(c, nil)
	return sum(h.Sum(nil)), err
}

// readWhole reads to the end of what is left, which the buffer holds.
func readWhole(c *content, buf []byte) (n int, err error) {
	for err == nil {
		var more int
		more, err = c.Read(buf[n:])
		n += more
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}

// appendHead writes an entry without its contents, so that no two lists of
// entries write the same bytes.
func appendHead(b []byte, e *Entry) []byte {
	for _, v := range []uint64{uint64(e.Kind), uint64(e.Mode), uint64(e.Size), uint64(len(e.Path)), uint64(len(e.Target))} {
		b = binary.BigEndian.AppendUint64(b, v)
	}
	return append(append(b, e.Path...), e.Target...)
}
