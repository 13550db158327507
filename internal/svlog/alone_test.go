//go:build linux

package svlog

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/spec"
)

// An alone is a log with a pool of its own, which is closed with it.
type alone struct{ *Log }

func openAlone(path string, r spec.Rotation, alert func(error)) (alone, error) {
	p, err := NewPool(Options{})
	if err != nil {
		return alone{}, err
	}
	l, err := p.Open("", path, r, alert)
	if err != nil {
		return alone{}, errors.Join(err, p.Close())
	}
	return alone{l}, nil
}

func (a alone) Close() error { return errors.Join(a.Log.Close(), a.pool.Close()) }

// Pump reads from r, which is closed, into the log until it ends.
func (a alone) Pump(r *os.File) (*Stream, error) {
	defer r.Close()
	fd, err := unix.FcntlInt(r.Fd(), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, err
	}
	return a.PumpFD(fd, "stdout", nil)
}
