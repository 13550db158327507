package git

import (
	"context"
	"errors"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// A program that waits is told from one that computes.
func TestWatch(t *testing.T) {
	for script, waits := range map[string]bool{"exec sleep 1000": true, "while :; do :; done": false} {
		cmd := exec.Command("sh", "-c", script)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
		ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
		if waits {
			ctx, cancel = context.WithTimeout(t.Context(), 10*time.Minute)
		}
		var said error
		watch(ctx, cmd.Process.Pid, 2*time.Second, func(err error) { said = err })
		cancel()
		if (said != nil) != waits {
			t.Errorf("%s: %v", script, said)
		}
	}
}

// A repository whose .gitignore is a fifo ends with a reason, and with what to
// do; nobody ever writes to it.
func TestGitThatWaits(t *testing.T) {
	dir := repository(t)
	sh(t, dir, "mkfifo .gitignore")
	_, err := find(t, dir).Output(t.Context(), "ls-files", "--others", "--exclude-standard")
	if err == nil || !strings.Contains(err.Error(), "git waits for a file that gives nothing, perhaps a fifo called .gitignore") || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}
