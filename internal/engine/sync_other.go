//go:build !linux

package engine

import (
	"errors"
	"os"
)

// syncFileSystem brings a folder to its disk, and leaves what is below it to the system.
func syncFileSystem(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
