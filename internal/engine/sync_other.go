//go:build !linux

package engine

import "os"

// syncFileSystem brings f to its disk, and leaves what is below it to the system.
func syncFileSystem(f *os.File) error { return f.Sync() }
