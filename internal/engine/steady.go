package engine

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
)

// lockName is of the file in Root that whoever has it open holds locked.
const lockName = "lock"

// Steady keeps everybody from opening the engine in root until release is called, so
// that no layer of it goes. It does not wait: ok is false where somebody has it open.
func Steady(root string) (release func(), ok bool, err error) {
	l := flock.New(filepath.Join(root, lockName))
	ok, err = l.TryLock()
	if errors.Is(err, os.ErrNotExist) {
		return nil, false, nil
	}
	return func() { _ = l.Close() }, ok, err // an error of Close leaves nothing locked
}
