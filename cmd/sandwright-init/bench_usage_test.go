//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// consumption is what processes have used so far.
type consumption struct {
	ticks int           // user and system time, in the kernel's clock ticks
	run   time.Duration // on a CPU
	wakes int           // voluntary context switches
}

func (u consumption) minus(v consumption) consumption {
	return consumption{u.ticks - v.ticks, u.run - v.run, u.wakes - v.wakes}
}

// children lists the children of a process's threads, as far as they live.
func children(pid int) (out []int) {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, path := range tasks {
		text, _ := os.ReadFile(path)
		for _, field := range strings.Fields(string(text)) {
			child, _ := strconv.Atoi(field)
			out = append(out, child)
		}
	}
	return out
}

// below lists all descendants of a process.
func below(pid int) (out []int) {
	for _, child := range children(pid) {
		out = append(append(out, child), below(child)...)
	}
	return out
}

// split tells the services of the tree from those that supervise and log them.
func (t *tree) split() (services, others []int) {
	t.b.Helper()
	for _, pid := range below(t.cmd.Process.Pid) {
		exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
		switch {
		case err != nil:
			t.b.Fatal(err)
		case exe == t.service:
			services = append(services, pid)
		default:
			others = append(others, pid)
		}
	}
	if len(services) != len(t.services) {
		t.b.Fatalf("%s: %d services run, not %d; stderr:\n%s", t.peer, len(services), len(t.services), t.stderr.String())
	}
	return services, others
}

// serviceIn is the process of the service in dir.
func (t *tree) serviceIn(dir string) int {
	t.b.Helper()
	services, _ := t.split()
	for _, pid := range services {
		if cwd, _ := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid)); cwd == dir {
			return pid
		}
	}
	t.b.Fatalf("%s: no service in %s", t.peer, dir)
	return 0
}

// pss is the proportional set size of all but the services, in MB.
func (t *tree) pss() (mb float64) {
	t.b.Helper()
	_, others := t.split()
	for _, pid := range others {
		mb += float64(t.figure(fmt.Sprintf("/proc/%d/smaps_rollup", pid), "Pss:")) * 1024 / 1e6
	}
	return mb
}

// consumed is that of all but the services.
func (t *tree) consumed() (u consumption) {
	t.b.Helper()
	_, others := t.split()
	for _, pid := range others {
		u.ticks += t.ticks(pid)
		tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
		if err != nil {
			t.b.Fatal(err)
		}
		for _, task := range tasks {
			u.wakes += t.figure(filepath.Join(task, "status"), "voluntary_ctxt_switches:")
			u.run += time.Duration(t.figure(filepath.Join(task, "schedstat"), ""))
		}
	}
	return u
}

// figure is the number after a label at the beginning of a line.
func (t *tree) figure(path, label string) int {
	t.b.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.b.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		rest, ok := strings.CutPrefix(line, label)
		if fields := strings.Fields(rest); ok && len(fields) > 0 {
			n, err := strconv.Atoi(fields[0])
			if err != nil {
				t.b.Fatal(err)
			}
			return n
		}
	}
	t.b.Fatalf("no %q in %s", label, path)
	return 0
}

// ticks is the CPU time of a process.
func (t *tree) ticks(pid int) int {
	t.b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.b.Fatal(err)
	}
	// The second field is a name in parentheses, which may hold anything.
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	user, userErr := strconv.Atoi(fields[11])
	system, systemErr := strconv.Atoi(fields[12])
	if err := errors.Join(userErr, systemErr); err != nil {
		t.b.Fatal(err)
	}
	return user + system
}
