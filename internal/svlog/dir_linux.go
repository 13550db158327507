package svlog

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/spec"
	"github.com/sandwright/sandwright/internal/tai64n"
)

// The modes by which s6-log tells a file in use from a finished one.
const (
	inUse    os.FileMode = 0o644
	finished os.FileMode = 0o744
)

// dir is a log directory whose lock is held. current is nil after a rotation
// that could not make a new file.
type dir struct {
	path     string
	rotation spec.Rotation
	lock     *os.File
	current  *os.File
	size     int64 // of current
}

func openDir(path string, r spec.Rotation) (*dir, error) {
	if err := os.MkdirAll(path, 0o755); err != nil {
		return nil, err
	}
	lock, err := takeLock(filepath.Join(path, "lock"))
	if err != nil {
		return nil, err
	}
	d := &dir{path: path, rotation: r, lock: lock}
	if err := errors.Join(d.settle(), d.open(), d.touchState(), d.trim()); err != nil {
		lock.Close()
		return nil, err
	}
	return d, nil
}

// takeLock holds the whole file until it is closed, against s6-log as well.
func takeLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	whole := unix.Flock_t{Type: unix.F_WRLCK}
	if err := unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &whole); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s is held by another logger: %w", path, err)
	}
	return f, nil
}

// settle renames the current of a writer that died to a .u file.
func (d *dir) settle() error {
	info, err := os.Stat(d.file("current"))
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode()&0o100 != 0:
		return nil
	}
	return os.Rename(d.file("current"), d.file(tai64n.Format(time.Now())+".u"))
}

// open makes current ready to be written at its end.
func (d *dir) open() error {
	f, err := os.OpenFile(d.file("current"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, inUse)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err := errors.Join(err, f.Chmod(inUse)); err != nil {
		f.Close()
		return err
	}
	d.current, d.size = f, info.Size()
	return nil
}

// touchState leaves the file in which s6-log's processors keep theirs.
func (d *dir) touchState() error {
	f, err := os.OpenFile(d.file("state"), os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	return f.Close()
}

func (d *dir) file(name string) string { return filepath.Join(d.path, name) }

// full tells whether current, after pending bytes, has no room for a line. An
// empty file has room for any line, and without MaxBytes there always is.
func (d *dir) full(pending, line int) bool {
	used := d.size + int64(pending)
	return d.rotation.MaxBytes > 0 && used > 0 && used+int64(line) > d.rotation.MaxBytes
}

func (d *dir) write(p []byte) (int, error) {
	if d.current == nil {
		if err := d.open(); err != nil {
			return 0, err
		}
	}
	n, err := d.current.Write(p)
	d.size += int64(n)
	return n, err
}

// rotate finishes current under its stamp and opens a new one; in between there
// is no current for a moment. After an error it can be called again.
func (d *dir) rotate(now time.Time) error {
	if d.current != nil {
		if err := d.finish(); err != nil {
			return err
		}
		d.current.Close()
		d.current = nil
	}
	if err := os.Rename(d.file("current"), d.file(tai64n.Format(now)+".s")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	err := d.open()
	// A file that cannot be removed now is tried again at the next rotation.
	_ = d.trim()
	return err
}

// finish makes what current holds durable and marks it as complete.
func (d *dir) finish() error {
	return errors.Join(d.current.Sync(), d.current.Chmod(finished))
}

// trim removes the oldest files beyond MaxFiles.
func (d *dir) trim() error {
	entries, err := os.ReadDir(d.path)
	if err != nil {
		return err
	}
	var old []string
	for _, e := range entries {
		if isOld(e.Name()) {
			old = append(old, e.Name())
		}
	}
	slices.Sort(old)
	for len(old) > d.rotation.MaxFiles {
		err = errors.Join(err, os.Remove(d.file(old[0])))
		old = old[1:]
	}
	return err
}

// isOld tells whether name is one that a rotated file has.
func isOld(name string) bool {
	stamp, ext, found := strings.Cut(name, ".")
	if !found || (ext != "s" && ext != "u") {
		return false
	}
	_, err := tai64n.Parse(stamp)
	return err == nil
}

// close leaves current finished under its own name, and gives up the lock.
func (d *dir) close() error {
	var err error
	if d.current != nil {
		err = errors.Join(d.finish(), d.current.Close())
	}
	return errors.Join(err, d.lock.Close())
}
