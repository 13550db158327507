package stage

import (
	"errors"

	"golang.org/x/sys/unix"
)

// passFlags open a folder that is only gone through, which costs less than one
// that can be read.
const passFlags = unix.O_PATH | unix.O_NOFOLLOW | unix.O_DIRECTORY | unix.O_CLOEXEC

// openBeneath lets the kernel refuse every link and every way out. It gives
// ENOSYS where the kernel cannot, also when a seccomp filter forbids the call.
func openBeneath(at int, p string, flags int) (int, error) {
	how := &unix.OpenHow{
		Flags:   uint64(flags),
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS,
	}
	for tries := 0; ; tries++ {
		fd, err := unix.Openat2(at, p, how)
		switch {
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.EAGAIN) && tries < 128:
			continue
		case errors.Is(err, unix.EPERM), errors.Is(err, unix.EAGAIN):
			return -1, unix.ENOSYS
		}
		return fd, err
	}
}
