package stage

import (
	"errors"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	// maxPath is PATH_MAX: a receiver cannot name a path of as many bytes.
	maxPath = 4096
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
	fd, err := r.openFD(p, flags)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: p, Err: err}
	}
	return os.NewFile(uintptr(fd), p), nil
}

// openFD is open for those who close a bare descriptor themselves. A path that
// is too long for one system call takes one for each of its components.
func (r *root) openFD(p string, flags int) (int, error) {
	fd, err := -1, error(unix.ENOSYS)
	if !r.slow && len(p) < maxPath {
		fd, err = openBeneath(int(r.Fd()), p, flags)
	}
	if errors.Is(err, unix.ENOSYS) {
		fd, err = openByComponent(int(r.Fd()), p, flags)
	}
	return fd, err
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

// below opens a name in an open folder.
func (r *root) below(at int, name string, flags int) (int, error) {
	if !r.slow {
		fd, err := openBeneath(at, name, flags)
		if !errors.Is(err, unix.ENOSYS) {
			return fd, err
		}
	}
	return openat(at, name, flags)
}

// lstat looks at one name in an open folder.
func lstat(dir int, name string) (unix.Stat_t, error) {
	var st unix.Stat_t
	err := unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW)
	return st, err
}

// A look is what lstat says that a walk wants to know.
type look struct {
	id   identity
	mode uint32
}

func (l look) kind() uint32 { return l.mode & unix.S_IFMT }

// lookIn looks at one name in an open folder, lookAt at what is open.
func lookIn(dir int, name string) (look, error) {
	st, err := lstat(dir, name)
	return look{identify(&st), uint32(st.Mode)}, err
}

func lookAt(fd int) (look, error) {
	var st unix.Stat_t
	err := unix.Fstat(fd, &st)
	return look{identify(&st), uint32(st.Mode)}, err
}

// readlink reads the target of a link in an open folder.
func readlink(dir int, name string) (string, error) {
	for size := 256; ; size *= 2 {
		buf := make([]byte, size)
		n, err := unix.Readlinkat(dir, name, buf)
		if err != nil {
			return "", err
		}
		if n < size {
			return string(buf[:n]), nil
		}
	}
}

// gone says that a name is not there any more, or that something on the way to
// it is no folder: a link in its place is not followed. A name that is too long
// for the file system is not there either.
func gone(err error) bool {
	return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) || errors.Is(err, unix.ENAMETOOLONG)
}

// identify keeps what a look at a file says of its contents.
func identify(st *unix.Stat_t) identity {
	return identity{
		dev: uint64(st.Dev), ino: st.Ino, size: st.Size,
		mtime: st.Mtim.Nano(), ctime: st.Ctim.Nano(),
	}
}
