package probe

import (
	"context"
	"errors"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sandwright/sandwright/internal/spec"
)

// A plainHost runs commands as this process is run.
type plainHost struct{}

func (plainHost) Exec(ctx context.Context, argv []string) (output []byte, ended string, ok bool, err error) {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	output, err = cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		err = nil
	}
	if cmd.ProcessState == nil {
		return nil, "", false, err
	}
	return output, strings.Replace(cmd.ProcessState.String(), "exit status", "exited", 1), cmd.ProcessState.Success(), err
}

func TestCommand(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ script, how, why, detail string }{
		{"echo fine", "sh exited 0", "", ""},
		{"echo no connection; echo to the database >&2; exit 3", "", "sh: exited 3", "no connection\nto the database"},
		{`printf '\033[2Jgone'; exit 1`, "", "sh: exited 1", "�[2Jgone"},
		{"kill -9 $$", "", "sh: signal: killed", ""},
		{"echo asking; sleep 1000", "", "sh: not done within 2s", "asking"},
	} {
		check, err := New(spec.Probe{Exec: []string{"sh", "-c", tt.script}}, plainHost{})
		if err != nil {
			t.Fatal(err)
		}
		timeout := patience
		if strings.Contains(tt.why, "2s") {
			timeout = 2 * time.Second
		}
		a := asker{check: check, timeout: timeout}
		how, err := a.ask(t.Context())
		if how != tt.how || reasonOf(err, "-") != tt.why || detailOf(err) != tt.detail {
			t.Errorf("%s: %q, %v, %q", tt.script, how, err, detailOf(err))
		}
	}
}

func TestCommandThatCannotBeRun(t *testing.T) {
	if _, err := attempt(t, spec.Probe{Exec: []string{"true"}}, patience); err == nil || err.Error() != "there is nobody to run true" {
		t.Errorf("got %v", err)
	}
	c := &command{argv: []string{"/nowhere/x"}, host: plainHost{}}
	if _, err := c.Try(t.Context()); err == nil || !strings.HasSuffix(err.Error(), "no such file or directory") {
		t.Errorf("got %v", err)
	}
}
