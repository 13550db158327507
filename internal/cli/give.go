package cli

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"time"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/handover"
	"github.com/sandwright/sandwright/internal/provider"
	"github.com/sandwright/sandwright/internal/spec"
)

// maxAnswer bounds what a box answers, bytes.
const maxAnswer = 16 << 20

// errStalled ends a handover in which nothing moves any more.
var errStalled = errors.New("it has taken nothing and said nothing for " + handover.Patience.String())

// give hands an offer to sandwright-init in the box, as e says whom. It waits
// for as long as the box takes something of it or says that it goes on.
func give(ctx context.Context, sb provider.Sandbox, e provider.Exec, offer handover.Offer, open func(int) (io.ReadCloser, error)) (handover.Report, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stall := time.AfterFunc(handover.Patience, func() { cancel(errStalled) })
	defer stall.Stop()
	moves := func() { stall.Reset(handover.Patience) }
	reader, writer := io.Pipe()
	defer context.AfterFunc(ctx, func() { _ = reader.Close() })() // its end in the box leaves nothing behind
	var unsent error
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		unsent = handover.Send(writer, offer, open)
		writer.CloseWithError(unsent)
	}()
	out, said := bounded{most: maxAnswer}, bounded{most: 1 << 12}
	e.Argv, e.Dir = []string{spec.InitPath, "receive"}, "/"
	e.Stdin, e.Stdout, e.Stderr = moving{reader, nil, moves}, moving{nil, &out, moves}, &said
	code, err := sb.Exec(ctx, e)
	_ = reader.Close()
	<-sent
	if cause := context.Cause(ctx); err != nil && errors.Is(cause, errStalled) {
		err = fault.Cannot("put files into the sandbox: %w", cause).WithHint("see what it does with: sandwright ps; or start it anew: sandwright up --recreate")
	}
	var report handover.Report
	if err != nil {
		return report, err
	}
	if code != 0 || json.Unmarshal(out.Bytes(), &report) != nil {
		return report, refused(said.String(), unsent)
	}
	return report, nil
}

// refused is why the box did not take an offer: what was not sent, where that is
// why, and what it said.
func refused(said string, unsent error) error {
	if unsent != nil && !errors.Is(unsent, io.ErrClosedPipe) {
		return fault.Cannot("read what is to be put into the sandbox: %w", unsent).WithHint("run sandwright sync again")
	}
	return fault.Cannot("put files into the sandbox: %s", dash(said)).WithHint("run: sandwright up --recreate")
}

// A moving stream tells of each piece that passes.
type moving struct {
	io.Reader
	io.Writer
	moves func()
}

func (m moving) Read(b []byte) (int, error) {
	m.moves()
	return m.Reader.Read(b)
}

func (m moving) Write(b []byte) (int, error) {
	m.moves()
	return m.Writer.Write(b)
}
