package stage

import (
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// An asker asks for extended attributes, in the way that the kernel has.
type asker struct{ old bool }

// folderAttributes gives the names of an open folder's extended attributes.
func folderAttributes(fd int) string {
	n, err := unix.Flistxattr(fd, nil)
	if err != nil || n == 0 {
		return ""
	}
	buf := make([]byte, n)
	if n, err = unix.Flistxattr(fd, buf); err != nil {
		return ""
	}
	return string(buf[:n])
}

// sysListxattrat is listxattrat(2), since Linux 6.13; all architectures that we
// build for have this number.
const sysListxattrat = 465

// attributes gives the names of a file's extended attributes, each ended by a
// NUL. The folder is named by its descriptor, and a link is not followed.
func (a *asker) attributes(dir int, name string) string {
	n, err := a.list(dir, name, nil)
	if err != nil || n == 0 {
		return ""
	}
	buf := make([]byte, n)
	if n, err = a.list(dir, name, buf); err != nil {
		return ""
	}
	return string(buf[:n])
}

func (a *asker) list(dir int, name string, buf []byte) (int, error) {
	if !a.old {
		n, err := listxattrat(dir, name, buf)
		if err != unix.ENOSYS && err != unix.EPERM { //nolint:errorlint // a bare number
			return n, err
		}
		a.old = true
	}
	return unix.Llistxattr("/proc/self/fd/"+strconv.Itoa(dir)+"/"+name, buf)
}

func listxattrat(dir int, name string, buf []byte) (int, error) {
	p, err := unix.BytePtrFromString(name)
	if err != nil {
		return 0, err
	}
	n, _, code := unix.Syscall6(sysListxattrat, uintptr(dir), uintptr(unsafe.Pointer(p)), unix.AT_SYMLINK_NOFOLLOW,
		uintptr(unsafe.Pointer(unsafe.SliceData(buf))), uintptr(len(buf)), 0)
	if code != 0 {
		return 0, code
	}
	return int(n), nil
}
