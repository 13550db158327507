//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/launch"
	"github.com/sandwright/sandwright/internal/receipt"
)

const (
	stepGrace = 2 * time.Second        // from SIGTERM to SIGKILL of a step; a host gives this program 3
	endless   = 1000 * time.Hour       // a longer time is no other, and a sum of such is one
	turnPause = 100 * time.Millisecond // between two looks whether it is our turn
)

// updating is how steps are run.
type updating struct {
	timeout  time.Duration     // of each command
	env      map[string]string // over this process's own
	out, err io.Writer
}

// updateForPeople runs the steps of all that differs.
func (w *boxWorkspace) updateForPeople(ctx context.Context, timeout time.Duration, asJSON bool, stdout, stderr io.Writer) error {
	out := stdout
	if asJSON {
		out = stderr
	}
	todo, err := w.update(ctx, updating{timeout: timeout, out: out, err: stderr})
	if asJSON {
		return errors.Join(err, printJSON(stdout, stale(todo)))
	}
	if err == nil && len(todo) == 0 {
		fmt.Fprintln(stdout, "nothing to install")
	}
	return err
}

// update runs the steps of all that differs, in order, and remembers each that
// has run. Ctrl-C and SIGTERM end it, with all of the step that runs.
func (w *boxWorkspace) update(ctx context.Context, u updating) ([]receipt.Todo, error) {
	ctx, stop := signal.NotifyContext(ctx, unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
	defer stop()
	todo, err := w.compare()
	if err != nil || len(todo) == 0 {
		return nil, err
	}
	if uid := os.Geteuid(); uid != int(w.receipt.UID) {
		return nil, fault.Cannot("run the steps: they are user %d's to run, and this is user %d", w.receipt.UID, uid)
	}
	return w.inTurn(ctx, u, longest(todo, u.timeout), func() ([]receipt.Todo, error) { return w.runAll(ctx, u) })
}

// longest is the time that steps can take whose commands have one each.
func longest(todo []receipt.Todo, each time.Duration) (d time.Duration) {
	for _, t := range todo {
		d += time.Duration(len(t.Run)) * (min(each, endless) + stepGrace)
	}
	return d
}

// inTurn waits until nobody else runs steps in this box, which takes as long as
// running them here would, and looks again then.
func (w *boxWorkspace) inTurn(ctx context.Context, u updating, most time.Duration, run func() ([]receipt.Todo, error)) ([]receipt.Todo, error) {
	if err := os.MkdirAll(filepath.Dir(w.sealAt), 0o755); w.sealAt == "" || err != nil {
		return nil, w.writeSeal(w.seal) // which says why it cannot
	}
	lock, err := os.OpenFile(w.sealAt+".lock", os.O_CREATE|os.O_RDWR|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0o644)
	if err != nil {
		return nil, fault.Cannot("take turns: %w", err)
	}
	defer lock.Close()
	over := time.After(most)
	for said := false; ; said = true {
		err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			break
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			return nil, fault.Cannot("take turns: %w", err)
		}
		if !said {
			fmt.Fprintln(u.err, "waiting for another sync in this box to end")
		}
		select {
		case <-ctx.Done():
			return nil, fault.Cannot("sync: interrupted")
		case <-over:
			return nil, fault.Cannot("take turns: another sync in this box has not ended after %v", most).
				WithHint("end the process that holds %s.lock, and run it again", w.sealAt)
		case <-time.After(turnPause):
		}
	}
	w.readSeal()
	return run()
}

// runAll runs what differs, and gives what has run.
func (w *boxWorkspace) runAll(ctx context.Context, u updating) ([]receipt.Todo, error) {
	if w.flaw != nil {
		fmt.Fprintln(u.err, printable(w.flaw.Error()))
	}
	todo, err := w.compare()
	if err == nil {
		err = w.writeSeal(w.seal.Begun(todo))
	}
	if err != nil {
		return nil, err
	}
	for i, t := range todo {
		sayWhy(u.out, t)
		err := w.runLayer(ctx, u, t)
		if err == nil {
			err = w.writeSeal(w.seal.Done(t))
		}
		if err != nil {
			return todo[:i], err
		}
	}
	return todo, nil
}

// runLayer runs the commands that made a layer.
func (w *boxWorkspace) runLayer(ctx context.Context, u updating, t receipt.Todo) error {
	for _, s := range t.Run {
		for _, name := range s.Needs {
			if os.Getenv(name) == "" {
				return fault.Cannot("run %s: it needs %s, which is not in the image", printable(t.Name), printable(name)).
					WithHint("set it, or on the host run: sandwright up")
			}
		}
	}
	for _, s := range t.Run {
		fmt.Fprintf(u.out, "run: %s\n", printable(strings.Join(s.Argv, " ")))
		if why := w.runStep(ctx, u, s); why != "" {
			return fault.Cannot("run %s: %s %s", printable(t.Name), printable(s.Argv[0]), why).
				WithHint("see what it said above, then run sandwright-init sync --run again")
		}
	}
	return nil
}

// runStep runs one command to its end, and says what is wrong with that.
func (w *boxWorkspace) runStep(ctx context.Context, u updating, s receipt.Step) (why string) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return err.Error()
	}
	defer null.Close()
	files := []uintptr{null.Fd(), fdOf(u.out), fdOf(u.err)}
	pid, ended, err := startStep(launch.Command{
		Argv: s.Argv, Dir: filepath.Join(w.receipt.Target, s.Dir), Env: stepEnv(stepEnv(os.Environ(), u.env), s.Env), Files: files,
	})
	if err != nil {
		return "did not start: " + err.Error()
	}
	select {
	case status := <-ended:
		return verdict(status)
	case <-time.After(u.timeout):
		why = "is not done after " + u.timeout.String()
	case <-ctx.Done():
		why = "was interrupted"
	}
	_ = adopt() // without, only its group is ended
	_ = unix.Kill(-pid, unix.SIGTERM)
	select {
	case <-ended:
	case <-time.After(stepGrace):
		_ = unix.Kill(-pid, unix.SIGKILL)
		<-ended
	}
	endRest()
	return why
}

// fdOf is the descriptor of a stream of this process.
func fdOf(w io.Writer) uintptr {
	if f, ok := w.(*os.File); ok {
		return f.Fd()
	}
	return launch.Closed
}

// verdict is what is wrong with an end; empty where nothing is.
func verdict(status unix.WaitStatus) string {
	switch {
	case status.Signaled():
		return "was ended by " + unix.SignalName(status.Signal())
	case status.ExitStatus() != 0:
		return fmt.Sprint("ended with exit code ", status.ExitStatus())
	}
	return ""
}

// stepEnv is own with what a step has over it.
func stepEnv(own []string, over map[string]string) []string {
	out := slices.DeleteFunc(slices.Clone(own), func(pair string) bool {
		name, _, _ := strings.Cut(pair, "=")
		_, set := over[name]
		return set
	})
	for name, value := range over {
		out = append(out, name+"="+value)
	}
	return out
}
