package supervise

import (
	"cmp"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/launch"
)

// pipes opens the descriptors of one launch, and keeps the first error.
type pipes struct {
	owner   *launch.Identity
	err     error
	readers []int
	writers []int // and whatever else is the program's alone
}

// open makes a pipe. The writing end blocks, as a service expects, and belongs
// to the service's user, so that it can open /dev/stdout.
func (p *pipes) open() (r int, w uintptr) {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		p.err = cmp.Or(p.err, err)
		return -1, launch.Closed
	}
	err := unix.SetNonblock(fds[0], true)
	if p.owner != nil && os.Geteuid() == 0 {
		err = cmp.Or(err, unix.Fchown(fds[1], int(p.owner.UID), int(p.owner.GID)))
	}
	p.readers, p.writers, p.err = append(p.readers, fds[0]), append(p.writers, fds[1]), cmp.Or(p.err, err)
	return fds[0], uintptr(fds[1])
}

func (p *pipes) devNull() uintptr {
	fd, err := unix.Open(os.DevNull, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		p.err = cmp.Or(p.err, err)
		return launch.Closed
	}
	p.writers = append(p.writers, fd)
	return uintptr(fd)
}

func (p *pipes) closeWriters() {
	for _, fd := range p.writers {
		unix.Close(fd)
	}
}

func (p *pipes) closeReaders() {
	for _, fd := range p.readers {
		unix.Close(fd)
	}
}

// names are the pipes as /proc/PID/fd shows them to whoever looks for their
// holders.
func (p *pipes) names() []string {
	var out []string
	for _, fd := range p.readers {
		var st unix.Stat_t
		if unix.Fstat(fd, &st) == nil {
			out = append(out, fmt.Sprintf("pipe:[%d]", st.Ino))
		}
	}
	return out
}

// place puts fd at the given number of a table of descriptors; the numbers
// in between stay launch.Closed.
func place(files []uintptr, number int, fd uintptr) []uintptr {
	for len(files) < number {
		files = append(files, launch.Closed)
	}
	return append(files, fd)
}
