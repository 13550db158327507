package fetch

import (
	"context"
	"errors"
	"io"
	"time"
)

// errStalled is returned when a server goes quiet in the middle of a body.
var errStalled = errors.New("nothing came for 60 seconds")

const stallAfter = 60 * time.Second

// A stallReader ends its request when no byte comes for stallAfter.
type stallReader struct {
	body  io.Reader
	timer *time.Timer
}

// watched gives a context for one request and the means to watch its body.
func watched(ctx context.Context) (context.Context, func(io.Reader) io.Reader, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(stallAfter, func() { cancel(errStalled) })
	wrap := func(body io.Reader) io.Reader { return &stallReader{body, timer} }
	return ctx, wrap, func() { timer.Stop(); cancel(nil) }
}

func (r *stallReader) Read(p []byte) (int, error) {
	n, err := r.body.Read(p)
	r.timer.Reset(stallAfter)
	return n, err
}
