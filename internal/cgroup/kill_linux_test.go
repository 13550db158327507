package cgroup

import (
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/sandwright/sandwright/internal/spec"
)

// A service whose group was killed can be started again, in the same group.
func TestGroupIsOfUseAfterKill(t *testing.T) {
	g := group(t, realBox(t), "web", spec.Limits{})
	for range 3 {
		cmd := exec.Command("sleep", "1000")
		if fd := g.Dir(); fd >= 0 {
			cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: fd}
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		if cmd.SysProcAttr == nil {
			if err := g.Enter(cmd.Process.Pid); err != nil {
				t.Error(err)
			}
		}
		select {
		case err := <-ended:
			t.Fatalf("ended by itself: %v", err)
		case <-time.After(50 * time.Millisecond):
		}
		if err := g.Kill(); err != nil {
			t.Error(err)
		}
		<-ended
		eventually(t, "an empty group", g.Empty)
	}
}
