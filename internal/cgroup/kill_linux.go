package cgroup

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// killRounds bounds how often a group is looked through for processes that
// were forked while others were killed.
const killRounds = 100

// Kill sends SIGKILL to every process of the group and of those below it, and
// does not wait for their end. Nothing gets away by forking.
func (g *Group) Kill() error {
	var errs []error
	for _, t := range g.trees {
		if t.unified && write(t.dir, "cgroup.kill", "1") == nil {
			g.killed = true
			continue
		}
		errs = append(errs, t.kill())
	}
	return errors.Join(errs...)
}

// kill ends a group that the kernel does not end at once. Where processes are
// counted none can be added meanwhile; where they can be frozen none runs.
func (t tree) kill() error {
	if slices.Contains(t.controllers, "pids") {
		before := words(t.dir, "pids.max")
		if len(before) == 1 && write(t.dir, "pids.max", "0") == nil {
			defer write(t.dir, "pids.max", before[0]) //nolint:errcheck // the group is empty or about to be
		}
	}
	if slices.Contains(t.controllers, "freezer") && write(t.dir, "freezer.state", "FROZEN") == nil {
		defer write(t.dir, "freezer.state", "THAWED") //nolint:errcheck // a group that is gone needs none
	}
	seen := map[int]bool{}
	for range killRounds {
		found := false
		for _, pid := range members(t.dir) {
			found = found || !seen[pid]
			seen[pid] = true
			_ = unix.Kill(pid, unix.SIGKILL) // gone is as good
		}
		if !found {
			return nil
		}
	}
	return fmt.Errorf("cannot kill all of cgroup %s: it forks too fast", filepath.Base(t.dir))
}
