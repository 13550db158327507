package cli

import "bytes"

// A bounded buffer keeps what it is written up to most bytes, and drops the
// rest: a box may write without end.
type bounded struct {
	bytes.Buffer
	most int
}

// Write gives no error.
func (b *bounded) Write(p []byte) (int, error) {
	if left := b.most - b.Len(); left < len(p) {
		b.Buffer.Write(p[:max(0, left)])
	} else {
		b.Buffer.Write(p)
	}
	return len(p), nil
}
