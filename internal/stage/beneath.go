package stage

import (
	"errors"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	// Reading must never wait for the writer of a fifo, nor follow a link.
	fileFlags = unix.O_RDONLY | unix.O_NOFOLLOW | unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_CLOEXEC
	dirFlags  = unix.O_RDONLY | unix.O_NOFOLLOW | unix.O_DIRECTORY | unix.O_CLOEXEC
)

// A root is the folder below which everything is opened by descriptor.
type root struct {
	*os.File
	path string
	slow bool // walk component by component even where the kernel can do better
}

// open opens a path below the root, following no link anywhere in it.
func (r *root) open(p string, flags int) (*os.File, error) {
	fd, err := -1, error(unix.ENOSYS)
	if !r.slow {
		fd, err = openBeneath(int(r.Fd()), p, flags)
	}
	if errors.Is(err, unix.ENOSYS) {
		fd, err = openByComponent(int(r.Fd()), p, flags)
	}
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: p, Err: err}
	}
	return os.NewFile(uintptr(fd), p), nil
}

// openByComponent opens one component after the other, none of them a link.
// The path must be clean and relative.
func openByComponent(at int, p string, flags int) (int, error) {
	parent := at
	defer func() {
		if parent != at {
			unix.Close(parent)
		}
	}()
	for {
		name, rest, more := strings.Cut(p, "/")
		if name == ".." {
			return -1, unix.EXDEV
		}
		if !more {
			return openat(parent, name, flags)
		}
		next, err := openat(parent, name, dirFlags)
		if err != nil {
			return -1, err
		}
		if parent != at {
			unix.Close(parent)
		}
		parent, p = next, rest
	}
}

// openat is openat(2), again after a signal.
func openat(at int, name string, flags int) (int, error) {
	for {
		fd, err := unix.Openat(at, name, flags, 0)
		if !errors.Is(err, unix.EINTR) {
			return fd, err
		}
	}
}

// lstat looks at one name in an open folder.
func lstat(dir *os.File, name string) (unix.Stat_t, error) {
	var st unix.Stat_t
	err := unix.Fstatat(int(dir.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW)
	return st, err
}

// readlink reads the target of a link in an open folder.
func readlink(dir *os.File, name string) (string, error) {
	for size := 256; ; size *= 2 {
		buf := make([]byte, size)
		n, err := unix.Readlinkat(int(dir.Fd()), name, buf)
		if err != nil {
			return "", err
		}
		if n < size {
			return string(buf[:n]), nil
		}
	}
}

// gone says that a name is not there any more, or that something on the way to
// it is no folder: a link in its place is not followed.
func gone(err error) bool {
	return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP)
}

// identify keeps what a look at a file says of its contents.
func identify(st *unix.Stat_t) identity {
	return identity{
		dev: uint64(st.Dev), ino: st.Ino, size: st.Size,
		mtime: st.Mtim.Nano(), ctime: st.Ctim.Nano(),
	}
}
