package cli

import "bytes"

// A bounded buffer keeps what it is written up to most bytes, and drops the
// rest: a box may write without end.
type bounded struct {
	kept bytes.Buffer // not embedded: its ReadFrom, which io.Copy prefers, has no bound
	most int
}

func (b *bounded) Bytes() []byte  { return b.kept.Bytes() }
func (b *bounded) String() string { return b.kept.String() }

// Write gives no error.
func (b *bounded) Write(p []byte) (int, error) {
	if left := b.most - b.kept.Len(); left < len(p) {
		b.kept.Write(p[:max(0, left)])
	} else {
		b.kept.Write(p)
	}
	return len(p), nil
}
