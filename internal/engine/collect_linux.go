package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/sandwright/sandwright/internal/smallfile"
)

// A collection goes through every record of the store. One that follows a
// build which took next to nothing is left out, a few times at most: the store is
// over its limit by maxSkipped/skippedPart of it then, and by no more.
const (
	skippedPart = 256 // of the limit, that a build may take
	maxSkipped  = 8
)

// collectedName is the file in Root with the limit of the last collection, and
// a dot for each that was left out since.
const collectedName = "collected"

// settle applies the size limit, unless so little was written since the engine
// was opened that it can wait.
func (e *embedded) settle(ctx context.Context) error {
	limit, path := fmt.Sprintln(e.opts.MaxBytes), filepath.Join(e.opts.Root, collectedName)
	said, _ := smallfile.Read(path, 64)
	skipped, same := strings.CutPrefix(string(said), limit)
	free, known := freeOf(e.opts.Root)
	if same && len(skipped) < maxSkipped && known && e.free-free < e.opts.MaxBytes/skippedPart {
		return os.WriteFile(path, []byte(limit+skipped+"."), 0o600) // half of it is another limit
	}
	// First: an end in the middle counts as if there had been none.
	defer e.opts.Progress.sayLater(sayAfter, "looking through the store for what goes beyond its limit of %s: --store-limit says another", megabytes(e.opts.MaxBytes))()
	err := errors.Join(ignoreMissing(os.Remove(path)), e.collect(ctx))
	if err == nil {
		err = os.WriteFile(path, []byte(limit), 0o600)
	}
	return err
}
