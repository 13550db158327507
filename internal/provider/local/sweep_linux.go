package local

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/cgroup"
)

// sweepPatience bounds the wait for processes that the kernel is still ending.
const sweepPatience = 10 * time.Second

// sweep removes what a dead sandbox left, or fails with errHeld. Its processes
// and mounts are gone or going: the kernel saw to that.
func (p place) sweep() error {
	if _, err := os.Stat(p.StateDir); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	lock, err := p.acquire()
	if err != nil {
		return err
	}
	defer lock.Close()
	return p.clear()
}

// clear removes everything of the sandbox from the host; the caller holds the
// lock, whose file goes last.
func (p place) clear() error {
	if err := cgroup.Remove(p.cgroup()); err != nil {
		return err
	}
	if err := patiently(func() error { return os.RemoveAll(p.dir()) }); err != nil {
		return err
	}
	return os.Remove(p.lockFile())
}

// patiently repeats remove while something is still in use.
func patiently(remove func() error) error {
	for end := time.Now().Add(sweepPatience); ; time.Sleep(5 * time.Millisecond) {
		err := remove()
		if err == nil || errors.Is(err, os.ErrNotExist) {
			return nil
		}
		busy := errors.Is(err, unix.EBUSY) || errors.Is(err, unix.ENOTEMPTY)
		if !busy || time.Now().After(end) {
			return err
		}
	}
}
