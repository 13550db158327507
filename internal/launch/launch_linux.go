// Package launch starts one program with an identity and limits: in a session
// of its own, with the descriptors and the environment it is given and no
// others, with every signal as it is by default and none blocked.
//
// What the kernel lets a process set only for itself is set by a trampoline:
// this same executable, which becomes the program. See Trampoline.
package launch

import (
	"cmp"
	"fmt"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/spec"
)

// A Command is a program and all it is started with.
type Command struct {
	Argv   []string    // [0] is looked up in the PATH of Env, unless it has a slash
	Dir    string      // absolute; empty is /
	Env    []string    // NAME=VALUE; for a user that is looked up, HOME, USER, LOGNAME and SHELL are added where missing
	Files  []uintptr   // its descriptors 0, 1, …; Closed leaves a number closed
	User   *spec.User  // nil is who we are
	Limits spec.Limits // Memory, CPUs and PIDs are the affair of Cgroup
	Cgroup Cgroup      // nil is our own
	// Orphaned is the signal that it gets when the thread that starts it ends,
	// with its process or before; 0 is none.
	Orphaned syscall.Signal
}

// Closed is the place of a descriptor that a program does not get.
const Closed = ^uintptr(0)

// A Cgroup is where a program runs from its first instruction on.
type Cgroup interface {
	// Dir is a descriptor of its directory, if it is one of cgroup2 and
	// nothing else has to be entered, and -1 otherwise.
	Dir() int
	// Enter moves a process there that has not become its program yet.
	Enter(pid int) error
}

// Start returns once the program is executing, as the leader of a session. Its
// errors say which part of the command could not be had, and keep the errno.
func Start(c Command) (pid int, err error) {
	o, err := c.orders()
	if err != nil {
		return 0, err
	}
	if c.needsTrampoline() {
		return relay(o, c)
	}
	return fork(o, c)
}

// orders is the command with everything in it looked up.
func (c Command) orders() (*orders, error) {
	dir := cmp.Or(c.Dir, "/")
	if err := isDir(dir); err != nil {
		return nil, fmt.Errorf("cannot start in %s: %w", dir, err)
	}
	who, err := Identify(c.User)
	if err != nil {
		return nil, err
	}
	env := who.environ(c.Env)
	program, err := lookPath(c.Argv[0], dir, env)
	if err != nil {
		return nil, err
	}
	o := &orders{Program: []byte(program), Argv: texts(c.Argv), Env: texts(env), Dir: []byte(dir), Orphaned: c.Orphaned}
	if o.Who, err = who.change(); err != nil {
		return nil, err
	}
	o.limit(c.Limits)
	for number, fd := range c.Files {
		if fd == Closed {
			o.Closed = append(o.Closed, number)
		}
	}
	return o, nil
}

// needsTrampoline tells whether there is something that fork and exec alone
// do not do.
func (c Command) needsTrampoline() bool {
	l := c.Limits
	return l.Umask != "" || l.Nice != 0 || l.OOMScoreAdj != nil || len(l.Rlimits) > 0 || l.NoNewPrivs || len(l.CapDrop) > 0 ||
		c.Cgroup != nil && c.Cgroup.Dir() < 0 || len(ignored()) > 0
}

// fork starts a program without the trampoline.
func fork(o *orders, c Command) (int, error) {
	attr := &syscall.SysProcAttr{Setsid: true, Pdeathsig: o.Orphaned}
	if o.Who != nil {
		attr.Credential = &syscall.Credential{Uid: o.Who.UID, Gid: o.Who.GID, Groups: o.Who.Groups}
	}
	if c.Cgroup != nil {
		attr.UseCgroupFD, attr.CgroupFD = true, c.Cgroup.Dir()
	}
	pid, err := forkExec(string(o.Program), c.Argv, &syscall.ProcAttr{Dir: string(o.Dir), Env: plain(o.Env), Files: c.Files, Sys: attr})
	if err != nil {
		return 0, o.explainFork(err)
	}
	return pid, nil
}

// forkExec is syscall.ForkExec for a child in which no signal is blocked: it
// has the mask of the thread that forks.
func forkExec(program string, argv []string, attr *syscall.ProcAttr) (int, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var none, before unix.Sigset_t
	if err := unix.PthreadSigmask(unix.SIG_SETMASK, &none, &before); err != nil {
		return 0, err
	}
	pid, err := syscall.ForkExec(program, argv, attr)
	// Setting back what it was cannot fail.
	_ = unix.PthreadSigmask(unix.SIG_SETMASK, &before, nil)
	return pid, err
}
