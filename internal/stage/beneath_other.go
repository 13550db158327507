//go:build !linux

package stage

import "golang.org/x/sys/unix"

// passFlags open a folder that is only gone through.
const passFlags = dirFlags

// openBeneath is for kernels that have no openat2: none of them does.
func openBeneath(int, string, int) (int, error) { return -1, unix.ENOSYS }
