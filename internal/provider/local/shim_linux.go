package local

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/signal"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/provider"
)

// stopTimeout is what Config.StopTimeout means when it is 0.
const stopTimeout = 40 * time.Second

// RunShim is the whole life of one sandbox. Start runs it in a process of its
// own, first in its pid namespace, with a request on standard input. It returns
// once nothing of the sandbox is left. When ctx ends, or on SIGTERM, the
// sandbox is stopped.
func RunShim(ctx context.Context) error {
	if os.Getpid() != 1 {
		return fault.Cannot("run a shim by hand: sandwright up starts it")
	}
	network := sync.OnceValues(newNetwork)
	go func() { _, _ = network() }()
	req, err := readRequest(os.Stdin)
	if err != nil {
		return fault.Cannot("read what to start: %w", err)
	}
	ctx, stop := signal.NotifyContext(ctx, unix.SIGTERM, unix.SIGINT)
	defer stop()
	// Caught and not ignored: what is ignored stays so in every child.
	signal.Notify(make(chan os.Signal, 1), unix.SIGHUP, unix.SIGPIPE)
	reply := os.NewFile(answerFD, "answer")
	box, err := startBox(ctx, req, network, watchLine(os.NewFile(lifelineFD, "lifeline")))
	if err != nil {
		_ = json.NewEncoder(reply).Encode(answer{Faults: flatten(err)})
		return err
	}
	_ = json.NewEncoder(reply).Encode(answer{Record: &box.rec})
	reply.Close()
	box.live(ctx)
	return box.end()
}

// watchLine gives a channel that is closed when the process that started this
// one ended, or gave up, without saying keep.
func watchLine(line *os.File) <-chan struct{} {
	dropped := make(chan struct{})
	go func() {
		defer line.Close()
		if n, _ := line.Read(make([]byte, 1)); n == 0 {
			close(dropped)
		}
	}()
	return dropped
}

// flatten makes err fit for the way to another process.
func flatten(err error) []failed {
	var out []failed
	for _, f := range fault.All(err) {
		out = append(out, failed{What: f.Error(), Hint: f.Hint, Code: f.Code, Running: errors.Is(f, provider.ErrRunning)})
	}
	return out
}

// live returns when the sandbox must end: its supervisor ended, nobody keeps
// it, or it was asked to and had its time for it.
func (b *box) live(ctx context.Context) {
	go b.followSecrets(b.init.done)
	select {
	case <-b.init.done:
	case <-b.dropped:
	case <-ctx.Done():
		b.init.signal(unix.SIGTERM)
		timeout := b.req.Config.StopTimeout
		if timeout == 0 {
			timeout = stopTimeout
		}
		select {
		case <-b.init.done:
		case <-time.After(timeout):
		}
	}
}
