package supervise

import (
	"cmp"
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/spec"
)

// stopSignal is what asks a service to end.
func stopSignal(s spec.Stop) syscall.Signal { return cmp.Or(unix.SignalNum(s.Signal), syscall.SIGTERM) }

// signalName is SIGKILL, or "signal 40" for one without a name.
func signalName(sig syscall.Signal) string {
	if name := unix.SignalName(sig); name != "" {
		return name
	}
	return fmt.Sprintf("signal %d", int(sig))
}
