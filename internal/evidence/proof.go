package evidence

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"io"
)

// packAbove is the size in bytes above which a proof is compressed.
const packAbove = 512

// Proof is the record's material as the lock has it: base64, of gzip where
// that is shorter. It depends on the material alone.
func (r Record) Proof() string {
	data := r.Material
	if len(data) > packAbove {
		var b bytes.Buffer
		z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
		if err != nil {
			panic(err) // of a constant
		}
		_, _ = z.Write(data) // a buffer takes everything
		_ = z.Close()
		data = b.Bytes()
	}
	return base64.StdEncoding.EncodeToString(data)
}

// ParseProof gives the material that Proof wrote.
func ParseProof(text string) ([]byte, error) {
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil || !bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
		return data, err
	}
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	out, err := io.ReadAll(io.LimitReader(z, maxPiece+1))
	if err == nil && len(out) > maxPiece {
		err = errors.New("it is too large")
	}
	return out, err
}
