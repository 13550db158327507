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
)

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
