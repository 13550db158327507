package receipt

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"hash"
)

// ChunkSize is the piece, in bytes, that larger files are summed in.
const ChunkSize = 1 << 20

// A Summer is written contents of a known size, and gives their sum: the sha256
// of up to ChunkSize bytes; of more, that of the size and of the number and the
// sha256 of each chunk that is not all zeros, so that it is the same wherever
// the holes are.
type Summer struct {
	size  int64
	whole hash.Hash
	chunk []byte
	at    uint64
}

// NewSummer takes the size, in bytes, of what will be written.
func NewSummer(size int64) *Summer {
	s := &Summer{size: size, whole: sha256.New()}
	if size > ChunkSize {
		s.whole.Write(binary.BigEndian.AppendUint64(nil, uint64(size)))
	}
	return s
}

// Write takes the next part. It gives no error.
func (s *Summer) Write(b []byte) (int, error) {
	if s.size <= ChunkSize {
		return s.whole.Write(b)
	}
	n := len(b)
	for len(b) > 0 {
		part := min(len(b), ChunkSize-len(s.chunk))
		s.chunk = append(s.chunk, b[:part]...)
		if b = b[part:]; len(s.chunk) == ChunkSize {
			s.next()
		}
	}
	return n, nil
}

// next ends a chunk.
func (s *Summer) next() {
	if len(s.chunk) > 0 && !Zeros(s.chunk) {
		sum := sha256.Sum256(s.chunk)
		s.whole.Write(binary.BigEndian.AppendUint64(nil, s.at))
		s.whole.Write(sum[:])
	}
	s.chunk = s.chunk[:0]
	s.at++
}

// Sum ends the contents and gives their sum, as raw bytes.
func (s *Summer) Sum() string {
	s.next()
	return string(s.whole.Sum(nil))
}

// Zeros tells whether b is nothing but zeros, and something.
func Zeros(b []byte) bool {
	return len(b) > 0 && b[0] == 0 && bytes.Equal(b[1:], b[:len(b)-1])
}
