package supervise

import (
	"cmp"
	"context"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/probe"
	"github.com/sandwright/sandwright/internal/spec"
	"github.com/sandwright/sandwright/internal/svlog"
)

// Launch starts a service with /dev/null as its input, a pipe to its log for
// each of its outputs, and the pipe of its newline probe. It holds no other
// descriptor.
func (y *System) Launch(svc spec.Service, env []string) (Process, error) {
	log, err := y.log(svc.Name, svc.Logs)
	if err != nil {
		return nil, err
	}
	p := &pipes{owner: svc.User}
	defer p.closeWriters()
	stdout, out := p.open()
	stderr, errs := p.open()
	files := []uintptr{p.devNull(), out, errs}
	var ready *os.File
	if svc.Ready != nil && svc.Ready.FD != 0 {
		var notify uintptr
		ready, notify = p.open()
		files = place(files, svc.Ready.FD, notify)
	}
	if p.err != nil {
		p.closeReaders()
		return nil, p.err
	}
	pid, err := execute(svc, env, files)
	if err != nil {
		p.closeReaders()
		return nil, err
	}
	return newProcess(pid, svc, log, ready, stdout, stderr)
}

// place puts fd at the given number of a table of descriptors; the numbers
// in between stay closed.
func place(files []uintptr, number int, fd uintptr) []uintptr {
	for len(files) < number {
		files = append(files, closed)
	}
	return append(files, fd)
}

// closed is the place of a descriptor that a program does not get.
const closed = ^uintptr(0)

// pipes opens the descriptors of one launch, and keeps the first error.
type pipes struct {
	owner   *spec.User
	err     error
	readers []*os.File
	writers []int // and whatever else is the service's alone
}

// open makes a pipe. The writing end blocks, as a service expects, and belongs
// to the service's user, so that it can open /dev/stdout.
func (p *pipes) open() (*os.File, uintptr) {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		p.err = cmp.Or(p.err, err)
		return nil, closed
	}
	r, w := fds[0], fds[1]
	err := unix.SetNonblock(r, true)
	if p.owner != nil && os.Geteuid() == 0 {
		err = cmp.Or(err, unix.Fchown(w, int(p.owner.UID), int(p.owner.GID)))
	}
	reader := os.NewFile(uintptr(r), "pipe")
	p.readers, p.writers, p.err = append(p.readers, reader), append(p.writers, w), cmp.Or(p.err, err)
	return reader, uintptr(w)
}

func (p *pipes) devNull() uintptr {
	fd, err := unix.Open(os.DevNull, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		p.err = cmp.Or(p.err, err)
		return closed
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
	for _, r := range p.readers {
		r.Close()
	}
}

// process is one run of a service on this machine.
type process struct {
	pid     int
	probe   *spec.Probe
	ready   *os.File // the newline comes here; nil without such a probe
	log     *svlog.Log
	streams []*svlog.Stream
}

func newProcess(pid int, svc spec.Service, log *svlog.Log, ready *os.File, outputs ...*os.File) (Process, error) {
	p := &process{pid: pid, probe: svc.Ready, ready: ready, log: log}
	for _, r := range outputs {
		stream, err := log.Pump(r)
		if err != nil {
			return nil, err
		}
		p.streams = append(p.streams, stream)
	}
	return p, nil
}

func (p *process) PID() int           { return p.pid }
func (p *process) LastOutput() string { return p.log.Last() }

func (p *process) Flush() {
	for _, s := range p.streams {
		s.Flush(flushTime)
	}
}

// Ready waits for what the service's probe asks for.
func (p *process) Ready(ctx context.Context, tell func(error)) (string, error) {
	if p.ready != nil {
		newline := probe.Newline{FD: p.probe.FD, R: p.ready}
		tell(newline.Unasked())
		return newline.Wait(ctx)
	}
	check, err := probe.NewHTTP(p.probe.HTTP)
	if err != nil {
		return "", err
	}
	tell(check.Unasked())
	interval := cmp.Or(p.probe.Interval.Std(), probeInterval)
	timeout := cmp.Or(p.probe.Timeout.Std(), probeTimeout)
	return probe.Poll(ctx, check, interval, timeout, tell)
}

// sysProcAttr is a session of its own, and the service's user.
func sysProcAttr(user *spec.User) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setsid: true}
	if user != nil && (os.Geteuid() == 0 || int(user.UID) != os.Geteuid() || int(user.GID) != os.Getegid()) {
		attr.Credential = &syscall.Credential{Uid: user.UID, Gid: user.GID}
	}
	return attr
}
