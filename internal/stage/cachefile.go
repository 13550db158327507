package stage

import (
	"bufio"
	"encoding/binary"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"

	"github.com/sandwright/sandwright/internal/fault"
)

// saveCache writes what is known of the files of the tree, in its order. It
// replaces the file as a whole.
func (t *Tree) saveCache(sums []sum) (err error) {
	dir := filepath.Dir(t.opts.Cache)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fault.Cannot("keep what was read of the tree: %w", err)
	}
	f, err := os.CreateTemp(dir, ".stage-*")
	if err != nil {
		return fault.Cannot("keep what was read of the tree: %w", err)
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
			err = fault.Cannot("keep what was read of the tree: %w", err)
		}
	}()
	if err := t.writeCache(f, sums); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), t.opts.Cache)
}

func (t *Tree) writeCache(w io.Writer, sums []sum) error {
	out := bufio.NewWriterSize(w, 1<<16)
	table, check := crc32.MakeTable(crc32.Castagnoli), uint32(0)
	io.WriteString(out, cacheMagic)
	buf := make([]byte, 0, recordSize)
	for i := range t.entries {
		e := t.at(i)
		if e.Kind != File || e.id.racy != 0 {
			continue
		}
		buf = buf[:0]
		for _, v := range e.id.key() {
			buf = binary.BigEndian.AppendUint64(buf, v)
		}
		buf = append(append(buf, byte(e.marks)), sums[i][:]...)
		check = crc32.Update(check, table, buf)
		out.Write(buf)
	}
	out.Write(binary.BigEndian.AppendUint32(nil, check))
	return out.Flush()
}
