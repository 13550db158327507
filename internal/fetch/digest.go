package fetch

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"os"
)

// sums is what is known of a file after it was read.
type sums struct {
	size           int64
	sha256, sha512 string // hex
	from           string // where it came from, for people; may be empty
}

// origin says where it came from, in brackets.
func (s sums) origin() string {
	if s.from == "" {
		return ""
	}
	return " (" + s.from + ")"
}

// A digester takes both hashes of what is written to it, in one pass.
type digester struct {
	size int64
	h256 hash.Hash
	h512 hash.Hash
}

func newDigester() *digester { return &digester{h256: sha256.New(), h512: sha512.New()} }

// Write never fails.
func (d *digester) Write(p []byte) (int, error) {
	d.size += int64(len(p))
	d.h256.Write(p)
	d.h512.Write(p)
	return len(p), nil
}

func (d *digester) reset() {
	d.size = 0
	d.h256.Reset()
	d.h512.Reset()
}

func (d *digester) sums() sums {
	return sums{size: d.size, sha256: hexSum(d.h256), sha512: hexSum(d.h512)}
}

// catchUp brings d to all of file, whose size it gives and at whose end it
// leaves it. Only what d has not been given yet is read, unless file shrank.
func (d *digester) catchUp(file *os.File) (int64, error) {
	info, err := file.Stat()
	if err != nil {
		return 0, err
	}
	if d.size > info.Size() {
		d.reset()
	}
	if _, err := file.Seek(d.size, io.SeekStart); err != nil {
		return 0, err
	}
	_, err = io.CopyBuffer(struct{ io.Writer }{d}, struct{ io.Reader }{file}, make([]byte, copyBuffer))
	return d.size, err
}

func hexSum(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)) }

func sumFile(path string) (s sums, err error) {
	file, err := os.Open(path)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	d := newDigester()
	_, err = d.catchUp(file)
	return d.sums(), err
}
