package stage

import (
	"errors"
	"io"

	"golang.org/x/sys/unix"
)

// A part is a range of a file that is no hole.
type part struct{ at, size int64 }

// maxParts bounds how many parts of a file are told apart; what follows them is
// taken as one.
const maxParts = 1 << 16

// parts lists what a file holds. The last one ends where the file does, and may
// be empty.
func (c *content) parts() ([]part, error) {
	size := c.entry.Size
	if !c.sparse {
		return []part{{0, size}}, nil
	}
	var all []part
	for at := int64(0); at < size && len(all) < maxParts; {
		data, err := unix.Seek(c.fd, at, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			break
		}
		if err != nil && at == 0 {
			return []part{{0, size}}, nil // the file system cannot say
		}
		if err != nil {
			return nil, err
		}
		hole, err := unix.Seek(c.fd, data, unix.SEEK_HOLE)
		if err != nil {
			return nil, err
		}
		hole = min(hole, size)
		if hole <= data {
			break
		}
		all = append(all, part{data, hole - data})
		at = hole
	}
	n := len(all)
	switch {
	case n == maxParts:
		all[n-1].size = size - all[n-1].at
	case n == 0 || all[n-1].at+all[n-1].size < size:
		all = append(all, part{size, 0})
	}
	return all, nil
}

// seek goes to a place of the file.
func (c *content) seek(at int64) error {
	_, err := unix.Seek(c.fd, at, io.SeekStart)
	c.pos = at
	return err
}
