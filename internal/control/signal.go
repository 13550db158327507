package control

import (
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/fault"
)

// maxSignal is Linux's last real-time signal.
const maxSignal = 64

// ParseSignal reads a signal's name, with or without SIG and in any case, or
// its number, 1 to 64.
func ParseSignal(text string) (syscall.Signal, error) {
	if n, err := strconv.ParseUint(text, 10, 8); err == nil && n > 0 && n <= maxSignal {
		return syscall.Signal(n), nil
	}
	name := strings.ToUpper(text)
	if !strings.HasPrefix(name, "SIG") {
		name = "SIG" + name
	}
	if sig := unix.SignalNum(name); sig != 0 {
		return sig, nil
	}
	f := fault.Cannot("find signal %s", quote(text)).WithCode(fault.ExitUsage)
	if near := fault.Nearest(name, signalNames()); near != "" {
		return 0, f.WithHint("did you mean %s?", near)
	}
	return 0, f.WithHint("a signal is a name such as SIGHUP, or 1 to %d", maxSignal)
}

func signalNames() []string {
	var names []string
	for n := range maxSignal {
		if name := unix.SignalName(syscall.Signal(n + 1)); name != "" {
			names = append(names, name)
		}
	}
	return names
}
