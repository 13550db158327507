package engine

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/fault"
)

// noSpace tells whether a text, of BuildKit or of a step's program, says that
// the disk is full.
func noSpace(text string) bool {
	return strings.Contains(strings.ToLower(text), syscall.ENOSPC.Error())
}

// fullDisk is the fault of a build that found no room below root, with what
// BuildKit said of it.
func fullDisk(root, text string) *fault.Fault {
	text, _, _ = strings.Cut(strings.TrimPrefix(text, "failed to solve: "), "\n")
	f := fault.Cannot("build: the disk that has %s is full: %s", root, text)
	if free, ok := freeOf(root); ok {
		f = fault.Cannot("build: the disk that has %s is full: %s are free and the store takes %s: %s", root, megabytes(free), megabytes(sizeOf(root)), text)
	}
	return f.WithHint("make room there, or run: sandwright gc; --store-limit bounds the store")
}

// littleRoom is too little for any step, in bytes.
const littleRoom = 4 << 20

// nearlyFull tells whether root's disk has no room for anything.
func nearlyFull(root string) bool {
	free, ok := freeOf(root)
	return ok && free < littleRoom
}

// freeOf is how many bytes root's disk has left, where that is known.
func freeOf(root string) (int64, bool) {
	var disk unix.Statfs_t
	err := unix.Statfs(root, &disk)
	return int64(disk.Bavail) * int64(disk.Bsize), err == nil //nolint:unconvert // its types differ between systems
}

func megabytes(n int64) string { return fmt.Sprintf("%.0f MB", float64(n)/1e6) }

// sizeOf adds what files below dir take on the disk. What cannot be read
// counts nothing.
func sizeOf(dir string) (n int64) {
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error { // an estimate
		if err != nil {
			return nil //nolint:nilerr // it counts nothing
		}
		if info, err := d.Info(); err == nil {
			if st, ok := info.Sys().(*syscall.Stat_t); ok {
				n += st.Blocks * 512
			}
		}
		return nil
	})
	return n
}
