package supervise

import (
	"context"
	"fmt"
	"os"
	"syscall"

	"github.com/sandwright/sandwright/internal/spec"
)

// A Host runs processes for the supervisor, which calls it from one goroutine
// only. System is the real one.
type Host interface {
	// Launch starts one run of a service in a session of its own and returns
	// once its program is executing, or with the reason why it cannot.
	Launch(svc spec.Service, env []string) (Process, error)
	// Signal reaches the process group that pid leads or led, and tells
	// whether any process was left in it. Signal 0 only asks.
	Signal(pid int, sig syscall.Signal) bool
	// SignalRest reaches the processes that are nobody's service, and tells
	// whether there were any.
	SignalRest(sig syscall.Signal) bool
	// Deaths says that Reap may have something to give.
	Deaths() <-chan os.Signal
	// Reap collects one dead child, service or orphan, without waiting.
	Reap() (Death, bool)
}

// A Process is one run of a service.
type Process interface {
	PID() int
	// Ready returns how this run became ready. tell hears why it is not yet.
	// The error is the reason why this run never will be, or that of ctx.
	Ready(ctx context.Context, tell func(error)) (how string, err error)
	// Flush returns when what the process wrote is logged, or soon.
	Flush()
	// LastOutput is the last line that the service wrote, in any of its runs.
	LastOutput() string
}

// A Death is how a process ended.
type Death struct {
	PID    int
	Status syscall.WaitStatus
}

// String is "exited 1" or "killed by SIGKILL".
func (d Death) String() string {
	if d.Status.Signaled() {
		return "killed by " + signalName(d.Status.Signal())
	}
	return fmt.Sprint("exited ", d.Status.ExitStatus())
}

// OK tells whether the process ended well: with code 0.
func (d Death) OK() bool { return d.Status.Exited() && d.Status.ExitStatus() == 0 }
