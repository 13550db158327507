package env

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"syscall"
	"time"

	"github.com/sandwright/sandwright/internal/fault"
)

// run gives what a program prints. What it says on stderr is not shown: it may
// be the secret. When its time is over its whole process group is killed,
// and what it leaves behind that holds its output open.
func (l Layers) run(ctx context.Context, name string, p Provider) (string, *fault.Fault) {
	ctx, cancel := context.WithTimeout(ctx, p.Timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, p.Exec[0], p.Exec[1:]...)
	var out bounded
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.WaitDelay = l.Dir, l.Environ, &out, time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	err := cmd.Run()
	if errors.Is(err, exec.ErrWaitDelay) {
		_ = cmd.Cancel() // what cannot be killed has ended
	}
	if err == nil && out.taken.Len() <= maxFile {
		return secretText(name, "exec:"+p.Exec[0], out.taken.Bytes())
	}
	why := "it prints more than 1 MiB"
	var exit *exec.ExitError
	switch {
	case out.taken.Len() > maxFile:
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		why = fmt.Sprintf("it did not end within %s", p.Timeout)
	case ctx.Err() != nil:
		why = "it was interrupted"
	case errors.Is(err, exec.ErrWaitDelay):
		why = "it left a program behind that holds its output open"
	case errors.As(err, &exit) && !exit.Exited():
		why = "it was ended by a signal"
	case errors.As(err, &exit):
		why = fmt.Sprintf("exit code %d", exit.ExitCode())
	case errors.Is(err, exec.ErrNotFound):
		why = "no such program"
	default:
		why = reasonOf(err).Error()
	}
	return "", fault.Cannot("run %s for %s: %s", p.Exec[0], name, why).WithHint("run it by hand to see what it says")
}

// bounded takes little more than a file of variables may hold.
type bounded struct{ taken bytes.Buffer }

func (b *bounded) Write(p []byte) (int, error) {
	b.taken.Write(p[:min(len(p), maxFile+1-b.taken.Len())])
	if b.taken.Len() > maxFile {
		return 0, errors.New("too much")
	}
	return len(p), nil
}
