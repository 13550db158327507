package supervise

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/cgroup"
	"github.com/sandwright/sandwright/internal/launch"
	"github.com/sandwright/sandwright/internal/loop"
	"github.com/sandwright/sandwright/internal/probe"
	"github.com/sandwright/sandwright/internal/spec"
	"github.com/sandwright/sandwright/internal/svlog"
)

// process is one run of a service on this machine.
type process struct {
	svc     spec.Service
	who     *launch.Identity // nil is who we are
	env     []string
	secrets map[string]*os.File // to be handed over as descriptors
	loop    *loop.Loop
	pid     int
	group   *cgroup.Group // nil without
	records *records
	log     *svlog.Log
	streams []*svlog.Stream
	newline *os.File      // the newline comes here; nil without such a probe
	notify  *probe.Notify // nil without such a probe
	ears    ears
}

func (p *process) PID() int           { return p.pid }
func (p *process) LastOutput() string { return p.log.Last() }

// Signal reaches the process group that the run's own process leads or led.
// SIGKILL reaches all of its cgroup.
func (p *process) Signal(sig syscall.Signal) bool {
	reached := syscall.Kill(-p.pid, sig) == nil
	if p.group == nil || p.group.Empty() {
		return reached
	}
	if sig == syscall.SIGKILL {
		// What cannot be killed is still there when somebody asks.
		_ = p.group.Kill()
	}
	return true
}

func (p *process) Usage() spec.Usage {
	if p.group == nil {
		return spec.Usage{}
	}
	return p.group.Usage()
}

// Flush waits for the last words of a run that is over.
func (p *process) Flush() {
	for _, s := range p.streams {
		s.Flush(flushTime)
	}
}

// Close gives up what the run held. Its pipes are its log's, which reads them
// for as long as somebody writes.
func (p *process) Close() {
	if p.newline != nil {
		p.newline.Close()
	}
	if p.notify != nil {
		p.notify.Close()
	}
	p.records.end(p.svc.Name)
}

// owns tells whether pid is of this run.
func (p *process) owns(pid int) bool {
	session, err := unix.Getsid(pid)
	return err == nil && session == p.pid
}
