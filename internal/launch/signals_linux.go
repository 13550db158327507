package launch

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// action is the kernel's struct sigaction on amd64 and arm64.
type action struct {
	handler, flags, restorer uintptr
	mask                     uint64
}

const (
	lastSignal = 64
	sigIgn     = 1 // SIG_IGN
)

// ignored lists the signals that this process ignores, and that a program it
// executes would ignore: all others are as by default in it.
func ignored() (signals []int) {
	for sig := 1; sig <= lastSignal; sig++ {
		var is action
		errno := raw(unix.SYS_RT_SIGACTION, uintptr(sig), 0, uintptr(unsafe.Pointer(&is)), unsafe.Sizeof(is.mask))
		if errno == 0 && is.handler == sigIgn {
			signals = append(signals, sig)
		}
	}
	return signals
}

// byDefault makes signals do what they do by default.
func byDefault(signals []int) {
	var standard action
	for _, sig := range signals {
		raw(unix.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(&standard)), 0, unsafe.Sizeof(standard.mask))
	}
}
