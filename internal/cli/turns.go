package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/provider"
	"github.com/sandwright/sandwright/internal/provider/local"
)

// oldInTurn waits for the turn of a sandbox that is to be started, and gives the one
// that runs then, or nil: another up may have been first. Without an error done
// must be called.
func (a *app) oldInTurn(ctx context.Context, l *local.Local, c provider.Config) (old provider.Sandbox, done func(), err error) {
	if done, err = a.inTurn(ctx, c.Project, c.Name); err != nil {
		return nil, nil, err
	}
	old, err = l.Find(ctx, c.Project, c.Name)
	if errors.Is(err, provider.ErrNotFound) {
		return nil, done, nil
	}
	if err != nil {
		done()
	}
	return old, done, err
}

// inTurn waits until no other process, and nothing else in this one, changes
// what stands in a sandbox, which it says; the end of ctx ends the wait. Until
// done is called all others wait: also when this process is killed, they go on.
func (a *app) inTurn(ctx context.Context, project, name string) (done func(), err error) {
	path := sandboxRecordPath(project, name) + "-turn"
	l := flock.New(path)
	var ok bool
	if err = os.MkdirAll(filepath.Dir(path), 0o700); err == nil {
		ok, err = l.TryLock()
	}
	if err == nil && !ok {
		fmt.Fprintf(a.Err, "%s: waiting for another sync or up to end\n", name)
		_, err = l.TryLockContext(ctx, 100*time.Millisecond)
	}
	if ctx.Err() != nil {
		return nil, errors.Join(ctx.Err(), l.Close())
	}
	if err != nil {
		return nil, errors.Join(fault.Cannot("take turns with other commands on sandbox %s: %w", name, err), l.Close())
	}
	return func() { _ = l.Close() }, nil // an error of Close leaves nothing locked
}
