package cgroup

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func TestRemoveEndsWhatIsInside(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Fatal("cannot make control groups: this test needs root")
	}
	roots, err := hierarchies()
	if err != nil || len(roots) == 0 {
		t.Fatalf("no hierarchy is mounted: %v", err)
	}
	name := fmt.Sprintf("sandwright-test-%d", os.Getpid())
	inner := filepath.Join(roots[len(roots)-1], name, "inner")
	if err := os.MkdirAll(inner, 0o755); err != nil {
		t.Fatal(err)
	}
	sleeper := exec.Command("sleep", "1000")
	if err := sleeper.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- sleeper.Wait() }()
	if err := os.WriteFile(filepath.Join(inner, "cgroup.procs"), fmt.Append(nil, sleeper.Process.Pid), 0); err != nil {
		t.Fatal(err)
	}
	if dirs, err := Dirs("sandwright-test-*"); err != nil || len(dirs) == 0 {
		t.Errorf("found %v, %v", dirs, err)
	}
	if err := Remove(name); err != nil {
		t.Error(err)
	}
	if err := <-ended; err == nil || err.Error() != "signal: killed" {
		t.Errorf("the process inside ended with %v", err)
	}
	if dirs, _ := Dirs(name); len(dirs) != 0 {
		t.Errorf("left %v", dirs)
	}
	if err := Remove(name); err != nil {
		t.Errorf("removing nothing: %v", err)
	}
}
