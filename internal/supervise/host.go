package supervise

import (
	"context"
	"fmt"
	"os"
	"syscall"

	"github.com/sandwright/sandwright/internal/loop"
	"github.com/sandwright/sandwright/internal/probe"
	"github.com/sandwright/sandwright/internal/spec"
)

// A Host runs processes for the supervisor, which calls it from one goroutine
// only. System is the real one.
type Host interface {
	// Launch starts one run of a service in a session of its own and returns
	// once its program is executing, or with the reason why it cannot. What
	// the run needs of the loop, as for the commands of its probes, it may
	// post to l.
	Launch(l *loop.Loop, svc spec.Service, env []string) (Process, error)
	// Open takes an s6 service directory, held down. changed is called in the
	// loop after each change of its state.
	Open(l *loop.Loop, svc spec.Service, env []string, changed func()) (Unit, error)
	// Release ends what Open has begun beside the loop, which is closed next.
	Release()
	// SignalRest reaches the processes that are nobody's service, and tells
	// whether there were any.
	SignalRest(sig syscall.Signal) bool
	// Deaths says that Reap may have something to give.
	Deaths() <-chan os.Signal
	// Reap collects one dead child, service or orphan, without waiting.
	Reap() (pid int, status syscall.WaitStatus, ok bool)
}

// A Renewer is a Host that writes the files anew in which a service that runs
// has got its secrets.
type Renewer interface {
	Renew(svc spec.Service, env []string) error
}

// A Process is one run of a service. Watch, Flush and LastOutput may be called
// from any goroutine.
type Process interface {
	PID() int
	// Signal reaches every process of the run, those that its own one has left
	// behind included, and tells whether any was there. Signal 0 only asks.
	Signal(sig syscall.Signal) bool
	// Watch asks the service's probes until ctx ends, and tells what they find.
	Watch(ctx context.Context, tell func(Finding))
	// Flush returns when what the process wrote is logged, or soon.
	Flush()
	// LastOutput is the last line that the service wrote, in any of its runs.
	LastOutput() string
	// Usage is what the run costs now, as far as that is counted.
	Usage() spec.Usage
	// Close frees what the run held. No process of it is left.
	Close()
}

// A Finding is what a probe of a run has found, or what the service says of
// itself.
type Finding struct {
	Use probe.Use
	probe.Verdict
	Says *string // when this is set, nothing else is
}

// A Death is how a process ended.
type Death struct{ Status syscall.WaitStatus }

// String is "exited 1" or "killed by SIGKILL".
func (d Death) String() string {
	if d.Status.Signaled() {
		return "killed by " + signalName(d.Status.Signal())
	}
	return fmt.Sprint("exited ", d.Status.ExitStatus())
}

// OK tells whether the process ended well: with code 0.
func (d Death) OK() bool { return d.Status.Exited() && d.Status.ExitStatus() == 0 }

// Code is the exit code that a shell would give.
func (d Death) Code() int {
	if d.Status.Signaled() {
		return 128 + int(d.Status.Signal())
	}
	return d.Status.ExitStatus()
}
