package engine

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// syncFileSystem brings all that the file system of a folder has in memory to its disk.
func syncFileSystem(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(unix.Syncfs(int(f.Fd())), f.Close())
}
