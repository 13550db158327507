package supervise

import (
	"os"
	"path/filepath"
	"strconv"

	"github.com/sandwright/sandwright/internal/launch"
	"github.com/sandwright/sandwright/internal/loop"
	"github.com/sandwright/sandwright/internal/probe"
	"github.com/sandwright/sandwright/internal/spec"
)

// Launch starts a service with /dev/null as its input, a pipe to its log for
// each of its outputs, and the pipe of its newline probe. It holds no other
// descriptor.
func (y *System) Launch(l *loop.Loop, svc spec.Service, env []string) (Process, error) {
	log, err := y.log(svc.Name, svc.Logs)
	if err != nil {
		return nil, err
	}
	p := &process{svc: svc, loop: l, log: log, records: y.records}
	if p.who, err = launch.Identify(svc.User); err != nil {
		return nil, err
	}
	if p.ears, err = newEars(svc); err != nil {
		return nil, err
	}
	if p.group, err = y.group(svc); err != nil {
		return nil, err
	}
	if env, p.secrets, err = y.deliver(svc, p.who, env); err != nil {
		return nil, err
	}
	defer closeFiles(p.secrets)
	if env, err = p.listen(y.notifyPath(svc.Name), env); err != nil {
		return nil, err
	}
	p.env = env
	if err := p.launch(); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// launch starts the program. What runs is on record before it does.
func (p *process) launch() error {
	pipes := &pipes{owner: p.who}
	defer pipes.closeWriters()
	stdout, out := pipes.open()
	stderr, errs := pipes.open()
	files := []uintptr{pipes.devNull(), out, errs}
	if fd := newlineFD(p.svc); fd != 0 && pipes.err == nil {
		r, w := pipes.open()
		files = place(files, fd, w)
		p.newline = os.NewFile(uintptr(r), "pipe")
	}
	files = p.hand(files)
	err := pipes.err
	if err == nil {
		err = p.records.begin(p.svc.Name, pipes.names())
	}
	if err == nil {
		p.pid, err = launch.Start(p.command(p.svc.Command, files))
	}
	if err != nil {
		pipes.readers = pipes.readers[:min(2, len(pipes.readers))] // the newline's is p.newline's
		pipes.closeReaders()
		return err
	}
	p.records.note(p.svc.Name, p.pid)
	return p.carry(stdout, stderr)
}

// command is argv run as the service is.
func (p *process) command(argv []string, files []uintptr) launch.Command {
	c := launch.Command{Argv: argv, Dir: p.svc.Dir, Env: p.env, Files: files, User: p.svc.User, Limits: p.svc.Limits}
	if p.group != nil {
		c.Cgroup = p.group
	}
	return c
}

// carry brings what the service writes to its log.
func (p *process) carry(stdout, stderr int) error {
	out, err := p.log.PumpFD(stdout, "stdout", p.ears.see())
	if err != nil {
		return err
	}
	errs, err := p.log.PumpFD(stderr, "stderr", p.ears.see())
	p.streams = append(p.streams, out, errs)
	return err
}

// newlineFD is the number at which a service writes its newline; 0 is none.
func newlineFD(svc spec.Service) int {
	for _, p := range []*spec.Probe{svc.Start, svc.Ready} {
		if p != nil && p.FD != 0 {
			return p.FD
		}
	}
	return 0
}

// listen makes the socket of a service that speaks by sd_notify, and gives the
// environment in which it finds it.
func (p *process) listen(path string, env []string) ([]string, error) {
	if !notifies(p.svc) {
		return env, nil
	}
	uid, gid := os.Geteuid(), os.Getegid()
	if p.who != nil {
		uid, gid = int(p.who.UID), int(p.who.GID)
	}
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	if err != nil {
		return nil, err
	}
	if p.notify, err = probe.Listen(path, uid, gid); err != nil {
		return nil, err
	}
	for name, value := range probe.NotifyEnv(path, p.svc.Live) {
		env = append(env, name+"="+value)
	}
	return env, nil
}

// notifies tells whether any probe of the service is sd_notify's.
func notifies(svc spec.Service) bool {
	for _, p := range []*spec.Probe{svc.Start, svc.Ready, svc.Live} {
		if p != nil && p.Notify {
			return true
		}
	}
	return false
}

// notifyPath is a place of its own for each run: no run can be heard in the
// place of another.
func (y *System) notifyPath(name string) string {
	y.runs++
	return filepath.Join(y.runDir, "notify", name+"."+strconv.Itoa(y.runs))
}
