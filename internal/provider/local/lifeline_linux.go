package local

import (
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// A lifeline is this process's hold on a sandbox that is not kept yet: the
// writing end of a pipe, which the kernel closes when the process ends. It is
// a bare descriptor, because an os.File is closed when nothing refers to it.
type lifeline struct {
	mu sync.Mutex
	fd int // -1 once let go
}

// newLifeline also gives the end that the shim reads.
func newLifeline() (*lifeline, *os.File, error) {
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
		return nil, nil, err
	}
	return &lifeline{fd: ends[1]}, os.NewFile(uintptr(ends[0]), "lifeline"), nil
}

// keep tells the shim to live on without this process.
func (l *lifeline) keep() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fd < 0 {
		return nil
	}
	_, err := unix.Write(l.fd, []byte{'k'})
	l.close()
	return err
}

// drop tells the shim to end its sandbox, unless keep came first.
func (l *lifeline) drop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.close()
}

func (l *lifeline) close() {
	if l.fd >= 0 {
		unix.Close(l.fd)
	}
	l.fd = -1
}
