package s6

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// The supervisor's own files in a service directory.
const (
	statusFile  = "supervise/status"
	tallyFile   = "supervise/death_tally"
	lockFile    = "supervise/lock"
	controlFile = "supervise/control"
	serviceLock = "supervise/service-lock" // what lock-fd holds
	recordFile  = "supervise/sandwright"   // what runs, for a successor
	eventDir    = "event"
	downFile    = "down"
)

// A dir is an open directory. It stays the same one whatever becomes of its
// name.
type dir struct {
	fd   int
	path string
}

func openDir(path string) (dir, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	return dir{fd: fd, path: path}, err
}

// here is a path that leads to d from any process that holds its descriptor.
func (d dir) here() string {
	here := "/proc/self/fd/" + strconv.Itoa(d.fd)
	if unix.Access(here, unix.X_OK) != nil {
		return d.path
	}
	return here
}

// read gives at most limit bytes of a file; FIFOs and the like do not block it.
func (d dir) read(name string, limit int) ([]byte, error) {
	fd, err := unix.Openat(d.fd, name, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	var out, part []byte
	for part = make([]byte, 512); len(out) < limit; {
		n, err := unix.Read(fd, part)
		if n <= 0 {
			return out, err
		}
		out = append(out, part[:n]...)
	}
	return out[:limit], nil
}

// replace makes name hold data at once: a reader sees the old or the new. It
// does not wait for the disk, as what it writes does not outlive the machine.
func (d dir) replace(name string, data []byte) error {
	fresh := name + ".new"
	if err := d.write(fresh, data); err != nil {
		return err
	}
	return unix.Renameat(d.fd, fresh, d.fd, name)
}

// write makes name anew, with data in it.
func (d dir) write(name string, data []byte) error {
	fd, err := unix.Openat(d.fd, name, unix.O_WRONLY|unix.O_CREAT|unix.O_TRUNC|unix.O_NONBLOCK|unix.O_CLOEXEC, 0o666)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	for len(data) > 0 {
		n, err := unix.Write(fd, data)
		if err != nil && err != unix.EINTR {
			return err
		}
		data = data[max(n, 0):]
	}
	return nil
}

func (d dir) exists(name string) bool {
	var st unix.Stat_t
	return unix.Fstatat(d.fd, name, &st, 0) == nil
}

// mkdir makes a directory of s6's, also where a symbolic link says so. made is
// false if it was there.
func (d dir) mkdir(name string) (made bool, err error) {
	err = unix.Mkdirat(d.fd, name, 0o700)
	if !errors.Is(err, fs.ErrExist) {
		return err == nil, err
	}
	if d.exists(name) {
		return false, nil
	}
	target, err := os.Readlink(filepath.Join(d.here(), name))
	if err != nil {
		return false, err
	}
	err = unix.Mkdirat(d.fd, target, 0o700)
	return err == nil, err
}

// mkevent makes the directory of events: members of our group may listen. One
// that is there stays as it is.
func (d dir) mkevent() error {
	made, err := d.mkdir(eventDir)
	if err != nil || !made {
		return err
	}
	if err := unix.Fchownat(d.fd, eventDir, -1, os.Getegid(), 0); err != nil {
		return err
	}
	return unix.Fchmodat(d.fd, eventDir, 0o3730, 0)
}

// lock takes the lock in the file name for as long as the descriptor, and all
// that are made from it, stay open. The error is EAGAIN if somebody has it.
func (d dir) lock(name string, mode uint32) (fd int, err error) {
	if fd, err = d.lockFile(name, mode); err != nil {
		return -1, err
	}
	whole := unix.Flock_t{Type: unix.F_WRLCK}
	if err := unix.FcntlFlock(uintptr(fd), unix.F_OFD_SETLK, &whole); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// lockFile opens name, and makes it with exactly mode if it is missing.
func (d dir) lockFile(name string, mode uint32) (fd int, err error) {
	const flags = unix.O_WRONLY | unix.O_NONBLOCK | unix.O_CLOEXEC
	fd, err = unix.Openat(d.fd, name, flags, 0)
	if err != unix.ENOENT {
		return fd, err
	}
	if fd, err = unix.Openat(d.fd, name, flags|unix.O_CREAT, mode); err != nil {
		return -1, err
	}
	return fd, unix.Fchmod(fd, mode)
}

// isDir tells whether name is a directory, or a link to one.
func (d dir) isDir(name string) bool {
	var st unix.Stat_t
	return unix.Fstatat(d.fd, name, &st, 0) == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR
}
