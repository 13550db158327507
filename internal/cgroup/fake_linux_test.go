package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sandwright/sandwright/internal/spec"
)

// fake2 is a directory that looks like a group of cgroup2 with all controllers,
// for what no kernel with version 1 mounted can show. Its files only hold what
// is written.
func fake2(t *testing.T) (*Box, string) {
	t.Helper()
	dir := t.TempDir()
	base := filepath.Join(dir, "sandwright-box")
	for _, d := range []string{dir, base, filepath.Join(base, "web")} {
		put(t, filepath.Join(d, "cgroup.controllers"), "cpuset cpu io memory pids\n")
		put(t, filepath.Join(d, "cgroup.subtree_control"), "cpu memory pids\n")
	}
	return open("box", []place{{dir: dir, unified: true}}, used()), filepath.Join(base, "web")
}

func put(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestLimitsOfVersion2(t *testing.T) {
	b, web := fake2(t)
	for _, file := range []string{"memory.max", "cpu.max", "pids.max"} {
		put(t, filepath.Join(web, file), "")
	}
	for _, tt := range []struct {
		limits            spec.Limits
		memory, cpu, pids string
	}{
		{spec.Limits{Memory: 1 << 30, CPUs: 1.5, PIDs: 100}, "1073741824", "150000 100000", "100"},
		{spec.Limits{CPUs: 0.01}, "max", "1000 100000", "max"},
		{spec.Limits{}, "max", "max 100000", "max"},
	} {
		for _, file := range []string{"memory.max", "cpu.max", "pids.max"} {
			put(t, filepath.Join(web, file), "")
		}
		g := group(t, b, "web", tt.limits)
		for file, want := range map[string]string{"memory.max": tt.memory, "cpu.max": tt.cpu, "pids.max": tt.pids} {
			if got := strings.Join(words(web, file), " "); got != want {
				t.Errorf("%+v: %s is %q, want %q", tt.limits, file, got, want)
			}
		}
		if g.Dir() < 0 {
			t.Error("a group of cgroup2 alone cannot be started in")
		}
	}
}

func TestUsageOfVersion2(t *testing.T) {
	b, web := fake2(t)
	put(t, filepath.Join(web, "memory.current"), "4096\n")
	put(t, filepath.Join(web, "pids.current"), "3\n")
	put(t, filepath.Join(web, "cpu.stat"), "usage_usec 1500\nuser_usec 1000\nsystem_usec 500\n")
	want := spec.Usage{Memory: 4096, CPU: spec.Duration(1500 * time.Microsecond), PIDs: 3}
	if got := group(t, b, "web", spec.Limits{}).Usage(); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	for _, stat := range []string{"", "usage_usec", "user_usec 1", "usage_usec x", "nr 1 usage_usec"} {
		if got := cpuTime(strings.Fields(stat)); got != 0 {
			t.Errorf("%q: %s", stat, got)
		}
	}
}

// What is not there yet is turned on, and nothing that no limit needs.
func TestControllersAreTurnedOn(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "cgroup.controllers"), "cpuset memory io\n")
	put(t, filepath.Join(dir, "cgroup.subtree_control"), "")
	open("box", []place{{dir: dir, unified: true}}, used())
	if got := words(dir, "cgroup.subtree_control"); len(got) != 1 || got[0] != "+memory" {
		t.Errorf("%q", got)
	}
}

func TestWithoutWritableGroups(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	put(t, file, "")
	for name, tt := range map[string]struct {
		box  *Box
		want string
	}{
		"nowhere":     {open("box", nil, used()), "the memory controller is not to be had"},
		"not a group": {open("box", []place{{dir: file, controllers: []string{"memory"}}}, used()), "mkdir " + file + "/sandwright-box: not a directory"},
		"another one": {open("box", []place{{dir: t.TempDir(), controllers: []string{"pids"}}}, used()), "the memory controller is not to be had"},
		"of no use":   {open("box", []place{{dir: t.TempDir(), controllers: []string{"devices"}}}, used()), "the memory controller is not to be had"},
		"read-only":   {open("box", []place{{dir: "/proc/self", unified: true}}, used()), "mkdir /proc/self/sandwright-box: no such file or directory"},
	} {
		if g, err := tt.box.Group("x", spec.Limits{}); err != nil || g != nil {
			t.Errorf("%s: without limits: %v, %v", name, g, err)
		}
		want := "cannot limit memory of service x: no writable cgroup: " + tt.want
		if g, err := tt.box.Group("x", spec.Limits{Memory: 1 << 20}); g != nil || err == nil || err.Error() != want {
			t.Errorf("%s: %v, %v, want %s", name, g, err, want)
		}
	}
}

func TestEnterSaysWhatFailed(t *testing.T) {
	g := &Group{trees: []tree{{place: place{dir: t.TempDir()}}}, fd: -1}
	if err := g.Enter(1 << 30); !errors.Is(err, os.ErrNotExist) || !strings.HasPrefix(err.Error(), "cannot enter its cgroup: ") {
		t.Errorf("%v", err)
	}
}

// A controller cannot be turned on in a group that processes are in: this one
// moves to a leaf, and goes back at the end. The only controller that version
// 1 leaves over shows it.
func TestWeMoveOutOfTheWay(t *testing.T) {
	const left = "hugetlb"
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	own, ok := place{unified: true}.seen("/", string(text))
	if !ok {
		t.Fatal("cannot find cgroup2: this test needs it, mounted beside version 1")
	}
	outer := filepath.Join(own, fmt.Sprintf("sandwright-test-%d", os.Getpid()))
	if err := errors.Join(write(own, "cgroup.subtree_control", "+"+left), makeDir(outer), write(outer, "cgroup.procs", "0")); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := errors.Join(write(own, "cgroup.procs", "0"), removeTree(outer), write(own, "cgroup.subtree_control", "-"+left)); err != nil {
			t.Error(err)
		}
	}()
	b := open("box", []place{{dir: outer, unified: true}}, []string{left})
	if tr := b.trees[0]; !tr.moved || len(tr.controllers) != 1 || len(words(outer, "cgroup.procs")) != 0 {
		t.Errorf("%+v, and in %s is %s", tr, outer, words(outer, "cgroup.procs"))
	}
	g := group(t, b, "web", spec.Limits{})
	if _, err := os.Stat(filepath.Join(g.trees[0].dir, "hugetlb.2MB.max")); err != nil {
		t.Errorf("the service's group has no %s: %v", left, err)
	}
	cmd, _, _ := script(t, "true")
	if err := g.Enter(cmd.Process.Pid); err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if got := words(outer, "cgroup.procs"); len(got) != 1 || got[0] != strconv.Itoa(os.Getpid()) {
		t.Errorf("in %s is %s afterwards", outer, got)
	}
}
