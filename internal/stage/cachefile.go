package stage

import (
	"encoding/binary"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/wholefile"
)

// saveCache writes what is known of the files of the tree, in its order.
func (t *Tree) saveCache(sums []sum) error {
	return save(t.opts.Cache, func(w io.Writer) { t.writeCache(w, sums) })
}

// save replaces a file as a whole.
func save(file string, write func(io.Writer)) error {
	dir := filepath.Dir(file)
	err := os.MkdirAll(dir, 0o700)
	if err == nil {
		err = wholefile.Keep(file, 0o600, func(w io.Writer) error {
			write(w)
			return nil
		})
	}
	if err != nil {
		return fault.Cannot("keep what was read of the tree: %w", err).WithHint("make %s a folder that you can write to", show(dir))
	}
	return nil
}

func (t *Tree) writeCache(out io.Writer, sums []sum) {
	io.WriteString(out, cacheMagic)
	check := crc32.New(castagnoli)
	body := io.MultiWriter(out, check)
	kept := func(e *Entry) bool { return e.Kind == File && e.id.racy == 0 }
	files := uint64(0)
	for i := range t.entries {
		if kept(t.at(i)) {
			files++
		}
	}
	buf := binary.BigEndian.AppendUint64(make([]byte, 0, recordSize), files)
	_, _ = body.Write(buf)
	for i := range t.entries {
		if e := t.at(i); kept(e) {
			buf = appendRecord(buf[:0], &e.id, e.marks, sums[i])
			_, _ = body.Write(buf)
		}
	}
	for i := range t.folders {
		f := &t.folders[i]
		var count sum
		binary.BigEndian.PutUint32(count[:], f.subs)
		buf = appendRecord(buf[:0], &f.id, f.marks, count)
		_, _ = body.Write(buf)
	}
	_, _ = out.Write(check.Sum(nil))
}

func appendRecord(b []byte, id *identity, m marks, s sum) []byte {
	for _, v := range id.key() {
		b = binary.BigEndian.AppendUint64(b, v)
	}
	return append(append(b, byte(m)), s[:]...)
}
