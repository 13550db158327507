package leak

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// maxJSON bounds what is read of an image's own documents, in bytes each.
const maxJSON = 16 << 20

// Archive looks into the documents of an image that was written as a tar: its
// configs with their history, manifests and indexes. Its layers are the
// unpacked ones packed again.
func (c *Checker) Archive(r io.Reader) (found []Leak, err error) {
	if c.set == nil {
		return nil, nil
	}
	for files := tar.NewReader(r); ; {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			return found, nil
		}
		if err != nil {
			return nil, fmt.Errorf("cannot look for secrets in the image: %w", err)
		}
		text, err := document(files)
		if err != nil {
			return nil, fmt.Errorf("cannot look for secrets in %s of the image: %w", h.Name, err)
		}
		found = append(found, c.Text("the image's own documents", h.Name, text)...)
	}
}

// document reads what is JSON, and nothing of what is not.
func document(r io.Reader) ([]byte, error) {
	var first [1]byte
	if _, err := io.ReadFull(r, first[:]); err != nil || first[0] != '{' && first[0] != '[' {
		return nil, nil // an error comes again with the next file
	}
	var text bytes.Buffer
	text.WriteByte(first[0])
	_, err := io.Copy(&text, io.LimitReader(r, maxJSON))
	return text.Bytes(), err
}
