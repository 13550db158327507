package launch

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The command line of a trampoline. Its flag is one that no program knows: one
// that does not call Trampoline ends with an error.
const (
	trampolineName = "sandwright-init-launch"
	trampolineFlag = "--launch-from-descriptor="
)

// Bytes of the conversation. The trampoline says ready, hears go, and then
// says nothing more if it succeeds, and otherwise which step failed how.
const (
	ready = 'r'
	goOn  = 'g'
)

// A report is the number of the step that failed, and its errno, in the byte
// order of the machine.
type report [2]uint32

// maxOrders bounds the orders, in bytes: an argv and an environment are
// smaller, or the kernel would not take them.
const maxOrders = 64 << 20

// Trampoline turns a process that Start has started as a trampoline into the
// program it was told of, and then does not return. In every other process it
// does nothing. Call it first of all in main, with os.Args.
func Trampoline(args []string) {
	if len(args) != 2 || args[0] != trampolineName {
		return
	}
	text, ok := strings.CutPrefix(args[1], trampolineFlag)
	fd, err := strconv.Atoi(text)
	if !ok || err != nil || fd < 3 {
		return
	}
	runtime.LockOSThread()
	debug.SetGCPercent(-1)
	if o, err := hear(fd); err == nil {
		become(o, fd)
	}
	end()
}

// hear reads the orders.
func hear(fd int) (*orders, error) {
	unix.CloseOnExec(fd)
	var size [4]byte
	if _, err := io.ReadFull(descriptor(fd), size[:]); err != nil {
		return nil, err
	}
	length := binary.BigEndian.Uint32(size[:])
	if length > maxOrders {
		return nil, errors.New("too long")
	}
	text := make([]byte, length)
	if _, err := io.ReadFull(descriptor(fd), text); err != nil {
		return nil, err
	}
	o := new(orders)
	return o, json.Unmarshal(text, o)
}

// become carries the orders out. It returns if that fails, and has told so.
func become(o *orders, fd int) {
	byDefault(ignored())
	lowerDescriptors()
	steps, word := o.steps(), new([1]byte)
	failed := new(report)
	word[0] = ready
	if raw(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(word)), 1, 0) != 0 {
		return
	}
	// From here on the runtime is on its own.
	if hearsGo(fd, word) {
		walk(steps, fd, failed)
	}
}

// walk takes the steps, and tells of the one that failed.
//
//go:norace
func walk(steps []step, fd int, failed *report) {
	for i := range steps {
		if errno := steps[i].take(); errno != 0 {
			failed[0], failed[1] = uint32(i), uint32(errno)
			raw(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(failed)), unsafe.Sizeof(*failed), 0)
			return
		}
	}
}

// hearsGo waits for the word, and tells whether it was that.
//
//go:norace
func hearsGo(fd int, word *[1]byte) bool {
	for {
		n, _, errno := unix.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(word)), 1)
		if errno != unix.EINTR {
			return errno == 0 && n == 1 && word[0] == goOn
		}
	}
}

// lowerDescriptors gives the program the soft limit of descriptors that we
// were started with: the runtime has raised it, and puts it back before it
// calls execve, here with a path that cannot exist.
func lowerDescriptors() { _ = syscall.Exec("", nil, nil) }

// end ends this process without a word.
//
//go:norace
func end() {
	for {
		raw(unix.SYS_EXIT_GROUP, 127, 0, 0, 0)
	}
}

// A descriptor is read and written without the runtime's poller.
type descriptor int

func (d descriptor) Read(p []byte) (int, error) {
	for {
		n, err := unix.Read(int(d), p)
		switch {
		case errors.Is(err, unix.EINTR):
		case err == nil && n == 0:
			return 0, io.EOF
		default:
			return max(n, 0), err
		}
	}
}

func (d descriptor) Write(p []byte) (written int, err error) {
	for written < len(p) {
		n, err := unix.Write(int(d), p[written:])
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return written, err
		}
		written += n
	}
	return written, nil
}
