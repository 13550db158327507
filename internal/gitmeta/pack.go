package gitmeta

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"hash"
	"hash/crc32"
	"io"
	"slices"
	"strings"

	"github.com/klauspost/compress/zlib"
)

// A kind is the type of an object, as a pack writes it.
type kind byte

func kindOf(word string) (kind, bool) {
	i := slices.Index([]string{"commit", "tree", "blob"}, word)
	return kind(i + 1), i >= 0
}

// A fact is what is known of an object in a pack.
type fact struct {
	id     string
	at     uint64 // where it begins in the pack
	length uint64 // of its bytes in the pack
	crc    uint32 // of those
	size   uint64 // of its contents
	sum    string // of those, 32 bytes
}

// A packWriter writes a pack, as gitformat-pack(5) describes it: each object
// whole and compressed by itself. Its bytes depend on the objects and their
// order alone, and those of an object on nothing but the object, so that a
// later pack can take them as they are.
type packWriter struct {
	to      *bufio.Writer
	sum     hash.Hash
	at      uint64
	facts   []fact
	deflate *zlib.Writer
	newSum  func(size int64) Sum
}

// newPack starts a pack of just so many objects.
func newPack(w io.Writer, f format, count int, newSum func(size int64) Sum) (*packWriter, error) {
	sum := f.new()
	deflate, err := zlib.NewWriterLevel(nil, zlib.BestSpeed)
	if err != nil {
		return nil, err
	}
	p := &packWriter{to: bufio.NewWriterSize(io.MultiWriter(w, sum), 256<<10), sum: sum, deflate: deflate, newSum: newSum}
	head := binary.BigEndian.AppendUint32([]byte("PACK\x00\x00\x00\x02"), uint32(count))
	p.at = uint64(len(head))
	_, err = p.to.Write(head)
	return p, err
}

// add takes an object with the contents that r gives.
func (p *packWriter) add(id string, k kind, size int64, r io.Reader) error {
	crc, sum := crc32.NewIEEE(), p.newSum(size)
	out := &counter{to: io.MultiWriter(p.to, crc)}
	if _, err := out.Write(objectHead(k, uint64(size))); err != nil {
		return err
	}
	p.deflate.Reset(out)
	if n, err := io.Copy(io.MultiWriter(p.deflate, sum), r); err != nil || n != size {
		return cmp.Or(err, io.ErrUnexpectedEOF)
	}
	if err := p.deflate.Close(); err != nil {
		return err
	}
	p.facts = append(p.facts, fact{
		id: id, at: p.at, length: out.n, crc: crc.Sum32(), size: uint64(size), sum: sum.Sum(),
	})
	p.at += out.n
	return nil
}

// A counter counts what it passes on.
type counter struct {
	to io.Writer
	n  uint64
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.to.Write(b)
	c.n += uint64(n)
	return n, err
}

// put takes an object as another pack has it.
func (p *packWriter) put(f fact, raw []byte) error {
	f.at = p.at
	p.facts = append(p.facts, f)
	p.at += f.length
	_, err := p.to.Write(raw)
	return err
}

// close ends the pack and gives its checksum. The facts are by id then.
func (p *packWriter) close() ([]byte, error) {
	if err := p.to.Flush(); err != nil {
		return nil, err
	}
	sum := p.sum.Sum(nil)
	if _, err := p.to.Write(sum); err != nil {
		return nil, err
	}
	slices.SortFunc(p.facts, func(a, b fact) int { return strings.Compare(a.id, b.id) })
	return sum, p.to.Flush()
}

// objectHead is the type and size that an object in a pack begins with.
func objectHead(k kind, size uint64) []byte {
	b := []byte{byte(k)<<4 | byte(size&15)}
	for size >>= 4; size > 0; size >>= 7 {
		b[len(b)-1] |= 0x80
		b = append(b, byte(size&0x7f))
	}
	return b
}

// packIndex is version 2 of a pack's index, as gitformat-pack(5) describes it.
// The facts are by id.
func packIndex(f format, facts []fact, pack []byte) []byte {
	b := []byte("\xfftOc\x00\x00\x00\x02")
	next := 0
	for first := range 256 {
		for next < len(facts) && int(facts[next].id[0]) == first {
			next++
		}
		b = binary.BigEndian.AppendUint32(b, uint32(next))
	}
	for _, o := range facts {
		b = append(b, o.id...)
	}
	for _, o := range facts {
		b = binary.BigEndian.AppendUint32(b, o.crc)
	}
	var far []byte
	for _, o := range facts {
		at := uint32(o.at)
		if o.at >= 1<<31 {
			at = 1<<31 | uint32(len(far)/8)
			far = binary.BigEndian.AppendUint64(far, o.at)
		}
		b = binary.BigEndian.AppendUint32(b, at)
	}
	b = append(append(b, far...), pack...)
	sum := f.new()
	sum.Write(b)
	return sum.Sum(b)
}
