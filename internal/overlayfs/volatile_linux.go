// Package overlayfs knows what the kernel's overlay file system can do.
package overlayfs

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Volatile is the mount option that leaves out all that brings what is written
// to the disk, and VolatileMark the folder, in the work directory, for which the
// kernel refuses to mount it again: see "Volatile mount" in the kernel's overlayfs.rst.
const (
	Volatile     = "volatile"
	VolatileMark = "work/incompat"
)

// HasVolatile says whether the kernel has that option: Linux 5.10 and later do.
func HasVolatile() bool {
	var name unix.Utsname
	if unix.Uname(&name) != nil {
		return false
	}
	return since510(unix.ByteSliceToString(name.Release[:]))
}

// since510 reads a kernel's release, such as 6.1.0-18-amd64.
func since510(release string) bool {
	var major, minor int
	n, _ := fmt.Sscanf(release, "%d.%d", &major, &minor)
	return n == 2 && (major > 5 || major == 5 && minor >= 10)
}
