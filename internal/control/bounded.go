package control

import (
	"fmt"
	"io"
)

// maxAnswer bounds one JSON value in bytes: a supervisor's host does not trust
// what is in its box.
const maxAnswer = 4 << 20

// A bounded reader fails where more than left bytes are read.
type bounded struct {
	io.Reader
	left int
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("the answer is longer than %d bytes", maxAnswer)
	}
	n, err := b.Reader.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}
