package svlog

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// A poller is an epoll of its own. Whoever waits for it is a parked goroutine,
// not a thread: the runtime's poller watches the epoll itself.
type poller struct {
	file   *os.File
	conn   syscall.RawConn
	fd     int
	waking int // an eventfd
	events [64]unix.EpollEvent
	count  int
	block  bool
	look   func(uintptr) bool
}

func newPoller() (*poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	waking, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err == nil {
		err = unix.SetNonblock(fd, true)
	}
	if err != nil {
		unix.Close(fd)
		return nil, os.NewSyscallError("eventfd", err)
	}
	p := &poller{fd: fd, waking: waking, file: os.NewFile(uintptr(fd), "epoll")}
	p.look = p.poll
	p.conn, err = p.file.SyscallConn()
	if err := errors.Join(err, p.add(waking)); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

func (p *poller) add(fd int) error {
	return unix.EpollCtl(p.fd, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)})
}

// remove forgets fd, also one that is at its end and would be ready for ever.
func (p *poller) remove(fd int) { _ = unix.EpollCtl(p.fd, unix.EPOLL_CTL_DEL, fd, nil) }

// wake makes wait return.
func (p *poller) wake() { _, _ = unix.Write(p.waking, []byte{7: 1}) }

// wait gives the descriptors that are ready. With block there is at least one,
// or the poller is closed.
func (p *poller) wait(block bool) []unix.EpollEvent {
	p.count, p.block = 0, block
	if err := p.conn.Read(p.look); err != nil {
		return nil
	}
	ready := p.events[:p.count]
	for _, e := range ready {
		if int(e.Fd) == p.waking {
			var count [8]byte
			_, _ = unix.Read(p.waking, count[:])
		}
	}
	return ready
}

func (p *poller) poll(fd uintptr) bool {
	n, err := unix.EpollWait(int(fd), p.events[:], 0)
	p.count = max(n, 0)
	return n > 0 || !p.block || (err != nil && err != unix.EINTR)
}

func (p *poller) close() {
	unix.Close(p.waking)
	p.file.Close()
}
