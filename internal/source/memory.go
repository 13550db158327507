package source

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/stage"
	"github.com/sandwright/sandwright/internal/wholefile"
)

const (
	memoryMagic = "sandwright source 2\n"
	maxMemory   = 512 << 20
	minFile     = 5 // bytes of a file in a memory
)

// writeMemory replaces the memory as a whole, where it changes.
func writeMemory(file string, cold []layer) (err error) {
	data := encodeMemory(cold)
	if old, err := os.ReadFile(file); err == nil && bytes.Equal(old, data) {
		return nil
	}
	defer func() {
		if err != nil {
			err = fault.Cannot("remember the layers of the source: %w", err)
		}
	}()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	return wholefile.Keep(file, 0o600, wholefile.All(data))
}

// Forget drops the memory: the next layers are made of what is committed and in
// the tree then, and of nothing that was there before.
func (d *Division) Forget() error {
	if err := os.Remove(d.opts.Memory); d.opts.Memory != "" && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// encodeMemory writes the layers, and a checksum.
func encodeMemory(cold []layer) []byte {
	size := len(memoryMagic) + sha256.Size
	for _, l := range cold {
		size += len(l.name) + 2*binary.MaxVarintLen64
		for _, f := range l.files {
			size += len(f.path) + len(f.sum) + 16
		}
	}
	b := append(make([]byte, 0, size), memoryMagic...)
	text := func(s string) { b = append(binary.AppendUvarint(b, uint64(len(s))), s...) }
	for _, l := range cold {
		text(l.name)
		b = binary.AppendUvarint(b, uint64(len(l.files)))
		for _, f := range l.files {
			text(f.path)
			b = append(b, byte(f.kind))
			b = binary.AppendUvarint(b, uint64(f.mode))
			b = binary.AppendUvarint(b, uint64(f.size))
			text(f.sum)
		}
	}
	sum := sha256.Sum256(b)
	return append(b, sum[:]...)
}

// readMemory gives the files of each layer by its name; none where the memory
// is not there, or not whole.
func readMemory(from string) map[string][]file {
	info, err := os.Stat(from)
	if err != nil || info.Size() > maxMemory {
		return nil
	}
	data, err := os.ReadFile(from)
	if err != nil {
		return nil
	}
	return decodeMemory(data)
}

func decodeMemory(data []byte) map[string][]file {
	if len(data) < len(memoryMagic)+sha256.Size || string(data[:len(memoryMagic)]) != memoryMagic {
		return nil
	}
	body, sum := data[:len(data)-sha256.Size], data[len(data)-sha256.Size:]
	if got := sha256.Sum256(body); !bytes.Equal(got[:], sum) {
		return nil
	}
	r := &reader{rest: body[len(memoryMagic):]}
	layers := map[string][]file{}
	for len(r.rest) > 0 && !r.bad {
		name := r.text()
		n := r.number()
		layers[name] = make([]file, 0, min(n, uint64(len(r.rest))/minFile))
		for ; n > 0 && !r.bad; n-- {
			f := file{path: r.text()}
			f.kind = stage.Kind(r.number())
			f.mode = uint32(r.number())
			f.size = int64(r.number())
			f.sum = r.text()
			layers[name] = append(layers[name], f)
		}
	}
	if r.bad {
		return nil
	}
	return layers
}

// A reader takes what encodeMemory wrote; bad says that it was something else.
type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) number() uint64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 {
		r.bad = true
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *reader) text() string {
	n := r.number()
	if n > uint64(len(r.rest)) {
		r.bad = true
		return ""
	}
	s := string(r.rest[:n])
	r.rest = r.rest[n:]
	return s
}
