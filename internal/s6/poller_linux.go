package s6

import (
	"os"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/loop"
)

// A Poller tells the owner of a loop which of many descriptors can be read: one
// goroutine for all of them, which never touches what they are for. All
// methods are the owner's alone.
type Poller struct {
	epoll   *os.File
	readers map[int32]func()
}

// NewPoller makes a Poller that lasts until Close.
func NewPoller(l *loop.Loop) (*Poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	// So that Go's own poller takes it and no thread waits for it.
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return nil, err
	}
	p := &Poller{epoll: os.NewFile(uintptr(fd), "epoll"), readers: map[int32]func(){}}
	l.Go(func() { p.watch(l) })
	return p, nil
}

// Close ends it. The descriptors stay open.
func (p *Poller) Close() { p.epoll.Close() }

// Add has read called, by the owner, whenever fd has something to read or is
// at its end. It may be called when there is nothing: fd must not block.
func (p *Poller) Add(fd int, read func()) error {
	event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}
	if err := p.control(unix.EPOLL_CTL_ADD, fd, &event); err != nil {
		return err
	}
	p.readers[int32(fd)] = read
	return nil
}

// Remove forgets fd. Call it before fd is closed.
func (p *Poller) Remove(fd int) {
	delete(p.readers, int32(fd))
	// It fails only for what is not there.
	_ = p.control(unix.EPOLL_CTL_DEL, fd, nil)
}

func (p *Poller) control(op, fd int, event *unix.EpollEvent) error {
	conn, err := p.epoll.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	if err := conn.Control(func(epoll uintptr) { failed = unix.EpollCtl(int(epoll), op, fd, event) }); err != nil {
		return err
	}
	return failed
}

// watch posts what is ready until p or l is closed.
func (p *Poller) watch(l *loop.Loop) {
	conn, err := p.epoll.SyscallConn()
	if err != nil {
		return
	}
	var events [64]unix.EpollEvent
	for {
		n := 0
		err := conn.Read(func(epoll uintptr) bool {
			n, _ = unix.EpollWait(int(epoll), events[:], 0)
			return n > 0
		})
		if err != nil {
			return
		}
		ready := events
		if !l.Post(func() { p.run(ready[:n]) }) {
			return
		}
	}
}

// run calls the readers of events; one of them may have been removed by another.
func (p *Poller) run(events []unix.EpollEvent) {
	for _, e := range events {
		if read := p.readers[e.Fd]; read != nil {
			read()
		}
	}
}
