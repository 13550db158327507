// Package program asks a program that is not ours, such as a helper with
// credentials: bounded in time and in what it answers, and ended with its process
// group. Nothing but the standard library.
package program

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// A Question is a program with all that it is given.
type Question struct {
	Argv   []string // [0] is looked up in PATH, unless it has a slash
	Dir    string   // empty is our own
	Env    []string // NAME=VALUE; nil is our own
	Stdin  string
	Within time.Duration
	Most   int // of what it prints, in bytes; a multiple of 1 KiB
}

// leftTime is how long what a program has left may hold its output open.
const leftTime = time.Second

// Ask gives what the program prints, also beside an error. The error says why
// there is no answer, as what follows a colon, and nothing of what is printed: that
// may be a secret. What the program leaves of its process group is killed.
func (q Question) Ask(ctx context.Context) ([]byte, error) {
	inner, cancel := context.WithTimeout(ctx, q.Within)
	defer cancel()
	cmd := exec.CommandContext(inner, q.Argv[0], q.Argv[1:]...)
	out := bounded{most: q.Most}
	cmd.Dir, cmd.Env, cmd.Stdin, cmd.Stdout, cmd.WaitDelay = q.Dir, q.Env, strings.NewReader(q.Stdin), &out, leftTime
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	err := cmd.Run()
	if cmd.Process != nil {
		_ = cmd.Cancel() // where nothing is left, there is nothing to kill
	}
	switch {
	case out.over:
		err = fmt.Errorf("it prints more than %s", size(q.Most))
	case err == nil:
	case ctx.Err() != nil:
		err = interrupted{ctx.Err()}
	case errors.Is(inner.Err(), context.DeadlineExceeded):
		err = fmt.Errorf("it did not end within %s", q.Within)
	default:
		err = reason(err)
	}
	return out.taken.Bytes(), err
}

// reason says in our words why a program has not ended well.
func reason(err error) error {
	var exit *exec.ExitError
	var path *fs.PathError
	switch {
	case errors.Is(err, exec.ErrWaitDelay):
		return errors.New("it left a program behind that holds its output open")
	case errors.As(err, &exit) && !exit.Exited():
		return errors.New("it was ended by a signal")
	case errors.As(err, &exit):
		return fmt.Errorf("exit code %d", exit.ExitCode())
	case errors.Is(err, exec.ErrNotFound):
		return errors.New("no such program")
	case errors.As(err, &path):
		return path.Err
	}
	return err
}

// interrupted wraps the error of a context that has ended.
type interrupted struct{ error }

func (interrupted) Error() string   { return "it was interrupted" }
func (i interrupted) Unwrap() error { return i.error }

// size is a bound for people.
func size(bytes int) string {
	if bytes%(1<<20) == 0 {
		return fmt.Sprintf("%d MiB", bytes>>20)
	}
	return fmt.Sprintf("%d KiB", bytes>>10)
}

// bounded takes as much as a program may print, and ends it after that.
type bounded struct {
	taken bytes.Buffer
	most  int
	over  bool
}

func (b *bounded) Write(p []byte) (int, error) {
	n, _ := b.taken.Write(p[:min(len(p), b.most-b.taken.Len())])
	if n < len(p) {
		b.over = true
		return n, errors.New("too much")
	}
	return n, nil
}
