package svlog

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// The modes by which s6-log tells a file in use from a finished one.
const (
	inUse    os.FileMode = 0o644
	finished os.FileMode = 0o744
)

// dir is a log directory whose lock is held. current is -1 after a rotation
// that could not make a new file.
type dir struct {
	path    string
	how     policy
	shelf   *shelf
	lock    int
	current int
	size    int64 // of current
}

func openDir(path string, how policy, now time.Time, b *budget) (*dir, error) {
	if err := os.MkdirAll(path, 0o755); err != nil {
		return nil, err
	}
	d := &dir{path: path, how: how, current: -1}
	var err error
	if d.lock, err = takeLock(d.file("lock")); err != nil {
		return nil, err
	}
	if d.shelf, err = b.open(path, how); err == nil {
		err = errors.Join(d.recover(now), d.reopen(), d.touchState(0), d.shelf.trim())
	}
	if err != nil {
		d.release()
		return nil, err
	}
	return d, nil
}

// takeLock holds the whole file until it is closed, against s6-log as well.
func takeLock(path string) (int, error) {
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CREAT|unix.O_CLOEXEC, uint32(inUse))
	if err != nil {
		return -1, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	whole := unix.Flock_t{Type: unix.F_WRLCK}
	if err := unix.FcntlFlock(uintptr(fd), unix.F_OFD_SETLK, &whole); err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("%s is held by another logger: %w", path, err)
	}
	return fd, nil
}

// recover gives names to what a writer that died has left: its current, and
// of an s6-log also what it was rotating.
func (d *dir) recover(now time.Time) error {
	if d.isFinished("current") {
		return nil
	}
	var err error
	if d.isFinished("processed") {
		err = errors.Join(remove(d.file("previous")), d.shelve("processed", ".s", now))
	} else {
		err = errors.Join(remove(d.file("processed")), d.shelve("previous", ".u", now))
	}
	return errors.Join(err, remove(d.file("newstate")), d.shelve("current", ".u", now), d.touchState(unix.O_TRUNC))
}

func (d *dir) isFinished(name string) bool {
	info, err := os.Stat(d.file(name))
	return err == nil && info.Mode()&0o100 != 0
}

// shelve puts the file called name, if there is one, among the rotated ones.
func (d *dir) shelve(name, ext string, now time.Time) error {
	info, err := os.Lstat(d.file(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var stamp string
	if err == nil {
		stamp, err = d.rename(name, ext, now)
	}
	if err == nil {
		d.shelf.put(rotated{stamp + ext, info.Size()})
	}
	return err
}

// rename gives the file called name a stamp that is newer than every other
// one's, wherever the clock stands. The stamp is empty when there is no file.
func (d *dir) rename(name, ext string, now time.Time) (stamp string, err error) {
	for {
		stamp = d.shelf.stamp(now)
		switch err := moveTo(d.file(name), d.file(stamp+ext)); {
		case errors.Is(err, fs.ErrNotExist):
			return "", nil
		case !errors.Is(err, fs.ErrExist):
			return stamp, err
		}
	}
}

// moveTo renames a file and never replaces one, where the file system can
// promise that.
func moveTo(from, to string) error {
	err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE)
	if err == unix.EINVAL || err == unix.ENOSYS {
		return os.Rename(from, to)
	}
	if err != nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
	}
	return nil
}

// create opens current to be written at its end. It never waits for a reader.
func (d *dir) create() (int, error) {
	path := d.file("current")
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CREAT|unix.O_APPEND|unix.O_CLOEXEC|unix.O_NONBLOCK, uint32(inUse))
	if err != nil {
		return -1, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	if err := unix.Fchmod(fd, d.mode(inUse)); err != nil {
		unix.Close(fd)
		return -1, &fs.PathError{Op: "chmod", Path: path, Err: err}
	}
	return fd, nil
}

func (d *dir) mode(m os.FileMode) uint32 { return uint32(m) &^ d.how.umask }

// reopen continues current, or begins it.
func (d *dir) reopen() (err error) {
	if d.current, err = d.create(); err != nil {
		return err
	}
	var info unix.Stat_t
	if err := unix.Fstat(d.current, &info); err != nil {
		return &fs.PathError{Op: "stat", Path: d.file("current"), Err: err}
	}
	d.size = info.Size
	return nil
}

// touchState leaves the file in which s6-log's processors keep theirs.
func (d *dir) touchState(flag int) error {
	f, err := os.OpenFile(d.file("state"), os.O_WRONLY|os.O_CREATE|flag, inUse)
	if err != nil {
		return err
	}
	return f.Close()
}

func (d *dir) file(name string) string { return filepath.Join(d.path, name) }

// room is how many bytes current may still take.
func (d *dir) room() int64 {
	if d.how.MaxBytes <= 0 {
		return math.MaxInt64
	}
	return d.how.MaxBytes - d.size
}

// full tells whether current is to be rotated without waiting for more.
func (d *dir) full() bool {
	return d.how.MaxBytes > 0 && d.size > 0 && d.size+d.how.tolerance >= d.how.MaxBytes
}

// finish makes fd durable, and marks it as complete.
func (d *dir) finish(fd int, sync func(int) error) error {
	if err := sync(fd); err != nil {
		return &fs.PathError{Op: "sync", Path: d.path, Err: err}
	}
	if folder, err := unix.Open(d.path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0); err == nil {
		_ = sync(folder) // not every file system can
		unix.Close(folder)
	}
	if err := unix.Fchmod(fd, d.mode(finished)); err != nil {
		return &fs.PathError{Op: "chmod", Path: d.path, Err: err}
	}
	return nil
}

// close leaves a current that is complete finished under its own name, and
// gives up the lock.
func (d *dir) close(complete bool, sync func(int) error) error {
	var err error
	if complete && d.current >= 0 {
		err = d.finish(d.current, sync)
	}
	d.release()
	return err
}

func (d *dir) release() {
	if d.current >= 0 {
		unix.Close(d.current)
	}
	unix.Close(d.lock)
	if d.shelf != nil {
		d.shelf.close()
	}
}

// remove removes a file that may be gone already.
func remove(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
