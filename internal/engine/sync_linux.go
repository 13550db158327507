package engine

import (
	"os"

	"golang.org/x/sys/unix"
)

// syncFileSystem brings all that f's file system has in memory to its disk.
func syncFileSystem(f *os.File) error { return unix.Syncfs(int(f.Fd())) }
