package s6

import (
	"errors"
	"io/fs"

	"golang.org/x/sys/unix"
)

// errNotFIFO is returned by openFIFO for a file of another kind.
var errNotFIFO = errors.New("not a FIFO")

// A fifo is one end that is read and one that is held, so that there is never
// an end of file.
type fifo struct{ reader, writer int }

// noFIFO is not open.
func noFIFO() fifo { return fifo{reader: -1, writer: -1} }

// openFIFO opens the control FIFO name, and makes it if it is missing.
func (d dir) openFIFO(name string) (fifo, error) {
	if err := unix.Mkfifoat(d.fd, name, 0o600); err != nil && !errors.Is(err, fs.ErrExist) {
		return noFIFO(), err
	}
	var st unix.Stat_t
	if err := unix.Fstatat(d.fd, name, &st, 0); err != nil {
		return noFIFO(), err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFIFO {
		return noFIFO(), errNotFIFO
	}
	reader, err := unix.Openat(d.fd, name, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return noFIFO(), err
	}
	writer, err := unix.Openat(d.fd, name, unix.O_WRONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		unix.Close(reader)
		return noFIFO(), err
	}
	return fifo{reader: reader, writer: writer}, nil
}

func (f *fifo) close() {
	for _, fd := range []int{f.reader, f.writer} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
	*f = noFIFO()
}

// drain gives what is in a descriptor that does not block, at most once 512
// bytes. open is false at the end of the file and on an error.
func drain(fd int) (data []byte, open bool) {
	buf := make([]byte, 512)
	for {
		n, err := unix.Read(fd, buf)
		switch err {
		case unix.EINTR:
		case unix.EAGAIN:
			return nil, true
		default:
			return buf[:max(n, 0)], n > 0
		}
	}
}
