package launch

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// trampolineTime bounds each silence of a trampoline.
const trampolineTime = 30 * time.Second

// relay starts a program by way of the trampoline.
func relay(o *orders, c Command) (int, error) {
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("cannot make a socket for the launch of %s: %w", o.Program, err)
	}
	ours, theirs := ends[0], ends[1]
	defer unix.Close(ours)
	pid, err := forkTrampoline(c, theirs)
	unix.Close(theirs)
	if err != nil {
		return 0, fmt.Errorf("cannot start %s: our own executable: %w", o.Program, err)
	}
	if err := o.converse(ours, pid, c.Cgroup); err != nil {
		abandon(pid)
		return 0, err
	}
	return pid, nil
}

// forkTrampoline starts this executable in a session of its own, with the
// program's descriptors and, after them, the socket.
func forkTrampoline(c Command, socket int) (pid int, err error) {
	table := append([]uintptr(nil), c.Files...)
	for len(table) < 3 {
		table = append(table, Closed)
	}
	argv := []string{trampolineName, trampolineFlag + strconv.Itoa(len(table))}
	return forkExec("/proc/self/exe", argv, &syscall.ProcAttr{
		Dir: "/", Env: []string{"GOMAXPROCS=1"}, Files: append(table, uintptr(socket)), Sys: &syscall.SysProcAttr{Setsid: true, Pdeathsig: c.Orphaned},
	})
}

// converse tells the trampoline what to become, and hears whether it did.
func (o *orders) converse(fd, pid int, group Cgroup) error {
	if err := o.tell(fd); err != nil {
		return fmt.Errorf("cannot start %s: its trampoline: %w", o.Program, err)
	}
	if group != nil {
		if err := group.Enter(pid); err != nil {
			return err
		}
	}
	// Where the trampoline has died meanwhile, the answer says so.
	_, _ = descriptor(fd).Write([]byte{goOn})
	return o.outcome(fd)
}

// tell hands over the orders and waits until they are understood.
func (o *orders) tell(fd int) error {
	limit := unix.NsecToTimeval(trampolineTime.Nanoseconds())
	for _, option := range []int{unix.SO_RCVTIMEO, unix.SO_SNDTIMEO} {
		if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, option, &limit); err != nil {
			return err
		}
	}
	text, err := json.Marshal(o)
	if err != nil {
		return err
	}
	framed := append(binary.BigEndian.AppendUint32(nil, uint32(len(text))), text...)
	if _, err := descriptor(fd).Write(framed); err != nil {
		return silence(err)
	}
	word := make([]byte, 1)
	if _, err := io.ReadFull(descriptor(fd), word); err != nil {
		return silence(err)
	}
	return nil
}

// outcome is nil once the trampoline has become the program: its end of the
// socket closed then, with nothing said.
func (o *orders) outcome(fd int) error {
	failed := make([]byte, unsafe.Sizeof(report{}))
	n, err := io.ReadFull(descriptor(fd), failed)
	switch {
	case n == 0 && errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return fmt.Errorf("cannot start %s: its trampoline: %w", o.Program, silence(err))
	}
	return o.explain(binary.NativeEndian.Uint32(failed), syscall.Errno(binary.NativeEndian.Uint32(failed[4:])))
}

// silence says what a socket's error means here.
func silence(err error) error {
	switch {
	case errors.Is(err, unix.EAGAIN):
		return fmt.Errorf("no word for %s: %w", trampolineTime, unix.ETIMEDOUT)
	case errors.Is(err, io.EOF), errors.Is(err, unix.EPIPE), errors.Is(err, unix.ECONNRESET):
		return errors.New("it ended early")
	}
	return err
}

// explain is the error of the step with a number.
func (o *orders) explain(number uint32, errno error) error {
	steps := o.steps()
	if uint64(number) >= uint64(len(steps)) {
		return fmt.Errorf("cannot start %s: its trampoline: %w", o.Program, errno)
	}
	s := steps[number]
	if s.tell != nil {
		return s.tell(errno)
	}
	if s.why != nil {
		if more := s.why(); more != "" {
			return fmt.Errorf("cannot %s, %s: %w", s.what, more, errno)
		}
	}
	return fmt.Errorf("cannot %s: %w", s.what, errno)
}

// abandon ends a trampoline and collects it.
func abandon(pid int) {
	_ = syscall.Kill(pid, syscall.SIGKILL)
	for {
		if _, err := syscall.Wait4(pid, nil, 0, nil); !errors.Is(err, syscall.EINTR) {
			return
		}
	}
}
