package local

import (
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// children are the processes that the shim waits for by name. The first
// process of a pid namespace also inherits those whose parents have died: a
// command that is interrupted while the runtime brings it into the box leaves
// some, and while they are not reaped the box's PID 1 cannot end.
type children struct {
	mu    sync.Mutex
	known map[int]bool
}

// run is cmd.Run, safe from reapOrphans.
func (c *children) run(cmd *exec.Cmd) error {
	if err := c.start(cmd); err != nil {
		return err
	}
	return c.wait(cmd)
}

func (c *children) start(cmd *exec.Cmd) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := cmd.Start(); err != nil {
		return err
	}
	c.known[cmd.Process.Pid] = true
	return nil
}

func (c *children) wait(cmd *exec.Cmd) error {
	err := cmd.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.known, cmd.Process.Pid)
	return err
}

// add makes pid one that somebody waits for, for good.
func (c *children) add(pid int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known[pid] = true
}

// reapOrphans reaps what nobody waits for, as it ends, until stop is called.
func (c *children) reapOrphans() (stop func()) {
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, unix.SIGCHLD)
	go func() {
		for range ended {
			for _, pid := range zombies(os.Getpid()) {
				c.reap(pid)
			}
		}
	}()
	return func() { signal.Stop(ended); close(ended) }
}

func (c *children) reap(pid int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.known[pid] {
		_, _ = unix.Wait4(pid, nil, unix.WNOHANG, nil)
	}
}

// zombies are the children of parent that have ended and are not reaped.
func zombies(parent int) []int {
	var pids []int
	names, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, name := range names {
		stat, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		if len(fields) < 2 || fields[0] != "Z" || fields[1] != strconv.Itoa(parent) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(name))); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}
