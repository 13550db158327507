package fetch

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// guarded runs work while this process alone holds the lock of that name;
// others, in this process too, wait for it or for the end of ctx.
func (s *Store) guarded(ctx context.Context, name string, work func() error) error {
	l := flock.New(filepath.Join(s.dir, "locks", name))
	if _, err := l.TryLockContext(ctx, 100*time.Millisecond); err != nil {
		return errors.Join(err, l.Close())
	}
	return errors.Join(work(), l.Close())
}
