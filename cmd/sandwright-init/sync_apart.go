//go:build linux

package main

import (
	"errors"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/launch"
	"github.com/sandwright/sandwright/internal/loop"
	"github.com/sandwright/sandwright/internal/spec"
	"github.com/sandwright/sandwright/internal/supervise"
)

const (
	restTime  = 5 * time.Second      // for what is killed to be gone
	restPause = 5 * time.Millisecond // between two looks whether it is
)

// startStep starts a command that dies with this process. How it has ended comes
// from ended.
func startStep(c launch.Command) (pid int, ended <-chan unix.WaitStatus, err error) {
	c.Orphaned = unix.SIGKILL
	started, failed, status := make(chan int, 1), make(chan error, 1), make(chan unix.WaitStatus, 1)
	go func() {
		runtime.LockOSThread() // whose child it is
		defer runtime.UnlockOSThread()
		pid, err := launch.Start(c)
		if err != nil {
			failed <- err
			return
		}
		started <- pid
		status <- await(pid)
	}()
	select {
	case pid = <-started:
	case err = <-failed:
	}
	return pid, status, err
}

// apart has a process of its own carry args out, and ends all that is left of
// it, also where it is killed; if this one is, that one ends with what it runs.
// In root's place it is the user's whom the steps belong to: nothing of root's
// is to be left in the workspace, nor told of what it alone may read.
func (w *boxWorkspace) apart(args []string) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	self, err := os.Executable()
	if err == nil {
		err = adopt()
	}
	if err != nil {
		return err
	}
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
	c := launch.Command{Argv: append([]string{self, "sync", "--apart"}, args...), Env: os.Environ(), Files: []uintptr{0, 1, 2}, Orphaned: unix.SIGTERM}
	if os.Geteuid() == 0 && w.receipt.UID != 0 {
		c.User = &spec.User{Name: strconv.Itoa(int(w.receipt.UID)), Lookup: true}
		c.Env = slices.DeleteFunc(c.Env, func(pair string) bool {
			return strings.HasPrefix(pair, "HOME=") || strings.HasPrefix(pair, "XDG_STATE_HOME=")
		})
	}
	pid, err := launch.Start(c)
	if err != nil {
		return fault.Cannot("run the steps as user %d: %w", w.receipt.UID, err)
	}
	go func() {
		for range signals {
			_ = unix.Kill(pid, unix.SIGTERM)
		}
	}()
	status := awaitAll(pid)
	if status.Signaled() {
		return fault.Cannot("sync the workspace: it %s", verdict(status)).WithHint("run: sandwright-init sync --run")
	}
	return exit(status.ExitStatus())
}

// awaitAll waits for a child, and ends what it leaves, whose parent this process
// has become.
func awaitAll(pid int) (status unix.WaitStatus) {
	for {
		if dead, err := unix.Wait4(-1, &status, 0, nil); dead == pid || errors.Is(err, unix.ECHILD) {
			break
		}
	}
	endRest()
	return status
}

// adopt makes this process the parent of orphans below it.
func adopt() error { return unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) }

// endRest ends all children, and those that become some by that.
func endRest() {
	for end := time.Now().Add(restTime); supervise.SignalChildren(unix.SIGKILL) && time.Now().Before(end); time.Sleep(restPause) {
		for _, _, dead := loop.Wait4(); dead; _, _, dead = loop.Wait4() {
			continue
		}
	}
}

// await waits for a child, and ends what it leaves of its group: nothing of a
// step outlives it.
func await(pid int) (status unix.WaitStatus) {
	for errors.Is(unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil), unix.EINTR) {
	}
	_ = unix.Kill(-pid, unix.SIGKILL) // its number is not another's before it is reaped
	for {
		if _, err := unix.Wait4(pid, &status, 0, nil); !errors.Is(err, unix.EINTR) {
			return status
		}
	}
}
