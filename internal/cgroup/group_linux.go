package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/spec"
)

// A Group is the group of one service: a directory in each hierarchy that it
// is in.
type Group struct {
	trees  []tree // dir and base are the service's own directory
	fd     int    // of the directory of cgroup2; -1 without
	killed bool   // by cgroup.kill, see Dir
}

// Group makes the group of a service, or finds it again, and sets its limits.
// A service without limits is in cgroup2 only: to enter groups of version 1
// costs each start a trampoline. The Group is nil where there is none and none
// is needed. A limit that cannot be set is an error that says why.
func (b *Box) Group(service string, l spec.Limits) (*Group, error) {
	if err := b.lacks(service, l); err != nil {
		return nil, err
	}
	g := &Group{fd: -1}
	for _, t := range b.trees {
		if !t.unified && !limited(l) {
			continue
		}
		t.dir = filepath.Join(t.base, service)
		if err := makeDir(t.dir); err != nil {
			return nil, errors.Join(fmt.Errorf("cannot make a cgroup for service %s: %w", service, err), g.Remove())
		}
		g.trees = append(g.trees, t)
		if t.unified {
			g.fd, _ = unix.Open(t.dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0) // -1: it is entered by name
		}
	}
	if len(g.trees) == 0 {
		return nil, nil
	}
	if err := g.limit(service, l); err != nil {
		return nil, errors.Join(err, g.Remove())
	}
	return g, nil
}

func limited(l spec.Limits) bool { return l.Memory != 0 || l.CPUs != 0 || l.PIDs != 0 }

// lacks is the error of the first limit that no hierarchy can keep.
func (b *Box) lacks(service string, l spec.Limits) error {
	for _, s := range settings(l) {
		if !s.wanted || slices.ContainsFunc(b.trees, func(t tree) bool { return slices.Contains(t.controllers, s.controller) }) {
			continue
		}
		why := b.why
		if why == nil {
			why = fmt.Errorf("the %s controller is not to be had", s.controller)
		}
		return fmt.Errorf("cannot limit %s of service %s: no writable cgroup: %w", s.of, service, why)
	}
	return nil
}

// A setting is a limit in the kernel's files.
type setting struct {
	of, controller string
	wanted         bool
	first, second  [2]string // files and texts; second is of version 2, first of version 1
}

// cpuPeriod is the time over which CPU time is limited, in microseconds.
const cpuPeriod = 100_000

// settings are all limits there are; those that are not wanted are lifted.
func settings(l spec.Limits) []setting {
	memory, quota, pids := "-1", "-1", "max"
	memory2, cpu2 := "max", fmt.Sprintf("max %d", cpuPeriod)
	if l.Memory > 0 {
		memory = strconv.FormatInt(l.Memory, 10)
		memory2 = memory
	}
	if l.CPUs > 0 {
		quota = strconv.FormatInt(int64(l.CPUs*cpuPeriod+0.5), 10)
		cpu2 = fmt.Sprintf("%s %d", quota, cpuPeriod)
	}
	if l.PIDs > 0 {
		pids = strconv.FormatInt(l.PIDs, 10)
	}
	return []setting{
		{"memory", "memory", l.Memory > 0, [2]string{"memory.limit_in_bytes", memory}, [2]string{"memory.max", memory2}},
		{"CPU time", "cpu", l.CPUs > 0, [2]string{"cpu.cfs_quota_us", quota}, [2]string{"cpu.max", cpu2}},
		{"processes", "pids", l.PIDs > 0, [2]string{"pids.max", pids}, [2]string{"pids.max", pids}},
	}
}

// limit writes every limit where its controller is.
func (g *Group) limit(service string, l spec.Limits) error {
	for _, s := range settings(l) {
		for _, t := range g.trees {
			if !slices.Contains(t.controllers, s.controller) {
				continue
			}
			file := s.first
			if t.unified {
				file = s.second
			}
			if err := write(t.dir, file[0], file[1]); err != nil && s.wanted {
				return fmt.Errorf("cannot limit %s of service %s: %w", s.of, service, err)
			}
		}
	}
	return nil
}

// Dir is a descriptor of the group's directory, with which a process can be
// started right there, if the group is in cgroup2 and nowhere else; -1 otherwise.
// It stays the Group's. It is -1 as well once the kernel has killed the group:
// some versions of Linux, 6.18 among them, compare its count of kills with that
// of the group that forks, and kill at once whoever is started right there.
func (g *Group) Dir() int {
	if len(g.trees) != 1 || g.killed {
		return -1
	}
	return g.fd
}

// Enter moves a process to the group, with all its threads.
func (g *Group) Enter(pid int) error {
	for _, t := range g.trees {
		if err := write(t.dir, "cgroup.procs", strconv.Itoa(pid)); err != nil {
			return fmt.Errorf("cannot enter its cgroup: %w", err)
		}
	}
	return nil
}

// Remove ends every process in the group, and removes it. It waits, though not
// for ever, for the kernel to end them; a Group that is Empty is removed at once.
func (g *Group) Remove() error {
	if g.fd >= 0 {
		unix.Close(g.fd)
		g.fd = -1
	}
	errs := []error{g.Kill()}
	for _, t := range g.trees {
		errs = append(errs, removeTree(t.dir))
	}
	g.trees = nil
	return errors.Join(errs...)
}

// Empty tells whether no process is left in the group or below it. Zombies do
// not count.
func (g *Group) Empty() bool {
	for _, t := range g.trees {
		if len(members(t.dir)) > 0 {
			return false
		}
	}
	return true
}

// members lists the processes of a group and of those below it.
func members(dir string) (pids []int) {
	for _, field := range words(dir, "cgroup.procs") {
		if pid, err := strconv.Atoi(field); err == nil && pid > 1 {
			pids = append(pids, pid)
		}
	}
	entries, _ := os.ReadDir(dir) // gone: nobody is in it
	for _, e := range entries {
		if e.IsDir() {
			pids = append(pids, members(filepath.Join(dir, e.Name()))...)
		}
	}
	return pids
}
