package supervise

import (
	"context"
	"errors"
	"io"
	"os"
	"syscall"
	"time"

	"github.com/sandwright/sandwright/internal/control"
	"github.com/sandwright/sandwright/internal/launch"
)

const maxOutput = 4 << 10 // of a probe's command that is kept

// Exec runs the command of a probe as the service is run, and ends all of it
// when ctx does. The loop starts and reaps it, as it does every child.
func (p *process) Exec(ctx context.Context, argv []string) (output []byte, ended string, ok bool, err error) {
	pipes := &pipes{owner: p.who}
	r, w := pipes.open()
	null := pipes.devNull()
	if pipes.err != nil {
		pipes.closeReaders()
		pipes.closeWriters()
		return nil, "", false, pipes.err
	}
	out := os.NewFile(uintptr(r), "pipe")
	defer out.Close()
	child := &child{dead: make(chan Death, 1)}
	err = p.startChild(child, p.command(argv, []uintptr{null, w, w}))
	pipes.closeWriters()
	if err != nil {
		return nil, "", false, err
	}
	text := make(chan []byte, 1)
	go func() { text <- readHead(out) }()
	death, err := p.waitFor(ctx, child)
	_ = out.SetReadDeadline(time.Now().Add(flushTime)) // a stray may hold the pipe for ever
	return <-text, death.String(), err == nil && death.OK(), err
}

// A child is a command of a probe.
type child struct {
	pid  int
	dead chan Death
}

// startChild has the loop start c.
func (p *process) startChild(c *child, command launch.Command) error {
	started := make(chan error, 1)
	begin := func() {
		pid, err := launch.Start(command)
		if err == nil {
			c.pid = pid
			p.loop.Watch(pid, func(status syscall.WaitStatus) {
				// Nothing of a probe outlives it.
				_ = syscall.Kill(-pid, syscall.SIGKILL)
				c.dead <- Death{status}
			})
		}
		started <- err
	}
	if !p.loop.Post(begin) {
		return control.ErrStopping
	}
	return <-started
}

// waitFor waits until c is dead, and sees to that when ctx ends.
func (p *process) waitFor(ctx context.Context, c *child) (Death, error) {
	select {
	case death := <-c.dead:
		return death, nil
	case <-ctx.Done():
	}
	killed := p.loop.Post(func() {
		if p.loop.Watched(c.pid) {
			_ = syscall.Kill(-c.pid, syscall.SIGKILL)
		}
	})
	if !killed {
		return Death{}, control.ErrStopping
	}
	select {
	case death := <-c.dead:
		return death, ctx.Err()
	case <-p.loop.Done():
		return Death{}, control.ErrStopping
	case <-time.After(killTime):
		return Death{}, errors.New("not gone after SIGKILL")
	}
}

// readHead reads r to its end, and keeps the beginning.
func readHead(r io.Reader) []byte {
	head, err := io.ReadAll(io.LimitReader(r, maxOutput))
	if err == nil {
		_, _ = io.Copy(io.Discard, r)
	}
	return head
}
