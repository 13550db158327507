package cgroup

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sandwright/sandwright/internal/spec"
)

// realBox makes groups below those of this process, as they are mounted here.
func realBox(t *testing.T) *Box {
	t.Helper()
	b := Open(fmt.Sprintf("test-%d-%s", os.Getpid(), strings.ReplaceAll(t.Name(), "/", "-")))
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		for _, tree := range b.trees {
			if _, err := os.Stat(tree.base); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("left %s: %v", tree.base, err)
			}
		}
	})
	if b.why != nil || len(b.trees) == 0 {
		t.Fatalf("cannot make control groups, this test needs root and a writable hierarchy: %v", b.why)
	}
	return b
}

// a script that waits for a line of its input, so that it can be moved before
// it does anything, and is ended with the test.
func script(t *testing.T, text string) (*exec.Cmd, func(), *bufio.Reader) {
	t.Helper()
	cmd := exec.Command("sh", "-c", "read go; "+text)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd, func() { _, _ = io.WriteString(in, "go\n") }, bufio.NewReader(out)
}

func group(t *testing.T, b *Box, service string, l spec.Limits) *Group {
	t.Helper()
	g, err := b.Group(service, l)
	if err != nil {
		t.Fatal(err)
	}
	if g == nil {
		t.Fatal("there is no group")
	}
	return g
}

// eventually polls: what the kernel counts comes a little late.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

func TestGroupCounts(t *testing.T) {
	g := group(t, realBox(t), "web", spec.Limits{Memory: 512 << 20})
	cmd, goOn, out := script(t, `i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; echo done; sleep 1000`)
	if err := g.Enter(cmd.Process.Pid); err != nil {
		t.Fatal(err)
	}
	goOn()
	if _, err := out.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	eventually(t, "usage of memory, time and two processes", func() bool {
		u := g.Usage()
		return u.Memory > 0 && u.CPU > 0 && u.PIDs == 2
	})
	if g.Empty() {
		t.Error("the group is empty")
	}
}

// A service that forks as fast as it can is ended, and stays within its limit.
func TestForkBombIsKilled(t *testing.T) {
	g := group(t, realBox(t), "bomb", spec.Limits{PIDs: 50})
	cmd, goOn, _ := script(t, `bomb() { bomb & bomb; }; bomb 2>/dev/null`)
	if err := g.Enter(cmd.Process.Pid); err != nil {
		t.Fatal(err)
	}
	goOn()
	eventually(t, "many processes", func() bool { return g.Usage().PIDs > 20 })
	if u := g.Usage(); u.PIDs > 50 {
		t.Errorf("%d processes", u.PIDs)
	}
	if err := g.Kill(); err != nil {
		t.Error(err)
	}
	eventually(t, "an empty group", g.Empty)
	// The group can be used again, once the zombies are collected.
	eventually(t, "room for others", func() bool { return g.Usage().PIDs <= 1 })
	next, goOn, out := script(t, `(echo again)`)
	if err := g.Enter(next.Process.Pid); err != nil {
		t.Fatal(err)
	}
	goOn()
	if line, err := out.ReadString('\n'); line != "again\n" {
		t.Errorf("%q, %v", line, err)
	}
}

// Without cgroup2, and without what freezes or counts, a group is ended, too.
func TestKillWithoutHelp(t *testing.T) {
	b := realBox(t)
	for _, controllers := range [][]string{{"cpu"}, {"pids"}, {"freezer"}} {
		t.Run(controllers[0], func(t *testing.T) {
			all := group(t, b, "tree-"+controllers[0], spec.Limits{PIDs: 200})
			g := &Group{fd: -1}
			for _, tr := range all.trees {
				if !tr.unified && slices.Equal(tr.controllers, controllers) {
					g.trees = append(g.trees, tr)
				}
			}
			if len(g.trees) != 1 {
				t.Fatalf("no hierarchy has %s alone", controllers)
			}
			cmd, goOn, out := script(t, `setsid sleep 1000 & (sleep 1000 & sleep 1000) & echo up; wait`)
			if err := all.Enter(cmd.Process.Pid); err != nil {
				t.Fatal(err)
			}
			goOn()
			if _, err := out.ReadString('\n'); err != nil {
				t.Fatal(err)
			}
			if err := g.Kill(); err != nil {
				t.Error(err)
			}
			eventually(t, "an empty group", all.Empty)
		})
	}
}

func TestMemoryLimitHolds(t *testing.T) {
	g := group(t, realBox(t), "fat", spec.Limits{Memory: 32 << 20})
	cmd, goOn, _ := script(t, `x=$(head -c 200000000 /dev/zero | tr '\0' x); echo $?`)
	if err := g.Enter(cmd.Process.Pid); err != nil {
		t.Fatal(err)
	}
	goOn()
	eventually(t, "its end", func() bool {
		return g.Empty() || g.Usage().Memory > 33<<20
	})
	if u := g.Usage(); u.Memory > 33<<20 {
		t.Errorf("%d bytes", u.Memory)
	}
	if err := cmd.Wait(); err == nil {
		t.Error("it had all the memory it wanted")
	}
}

func TestLimitsAreWrittenAndLifted(t *testing.T) {
	b := realBox(t)
	read := func(g *Group) (out []string) {
		for _, file := range []string{"memory.limit_in_bytes", "cpu.cfs_quota_us", "pids.max"} {
			for _, tr := range g.trees {
				out = append(out, words(tr.dir, file)...)
			}
		}
		return out
	}
	g := group(t, b, "x", spec.Limits{Memory: 64 << 20, CPUs: 0.5, PIDs: 7})
	if got, want := read(g), []string{"67108864", "50000", "7"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	g = group(t, b, "x", spec.Limits{CPUs: 1.25})
	if got := read(g); len(got) != 3 || len(got[0]) < 15 || got[1] != "125000" || got[2] != "max" {
		t.Errorf("lifted: %q", got)
	}
}

func TestRefusedLimitNamesTheService(t *testing.T) {
	b := realBox(t)
	_, err := b.Group("x", spec.Limits{PIDs: 1 << 62})
	if err == nil || !strings.HasPrefix(err.Error(), "cannot limit processes of service x: ") || !errors.Is(err, syscall.EINVAL) {
		t.Errorf("%v", err)
	}
	for _, tr := range b.trees {
		if _, err := os.Stat(filepath.Join(tr.base, "x")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("left %s: %v", tr.base, err)
		}
	}
}

// A service without limits is in cgroup2, where it costs nothing.
func TestGroupWithoutLimits(t *testing.T) {
	g := group(t, realBox(t), "x", spec.Limits{})
	if len(g.trees) != 1 || !g.trees[0].unified || g.Dir() < 0 {
		t.Fatalf("%+v", g)
	}
	cmd := exec.Command("sleep", "1000")
	cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: g.Dir()}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if got := members(g.trees[0].dir); !slices.Equal(got, []int{cmd.Process.Pid}) {
		t.Errorf("in it are %d, not %d", got, cmd.Process.Pid)
	}
	if u := g.Usage(); u.PIDs != 1 {
		t.Errorf("%+v", u)
	}
	if err := g.Kill(); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err == nil || err.Error() != "signal: killed" {
		t.Errorf("%v", err)
	}
	if err := g.Remove(); err != nil {
		t.Error(err)
	}
}

// What a supervisor that was killed has left is ended by the next one.
func TestSweepEndsWhatIsLeft(t *testing.T) {
	b := realBox(t)
	g := group(t, b, "old", spec.Limits{PIDs: 10})
	cmd, _, _ := script(t, "true")
	if err := g.Enter(cmd.Process.Pid); err != nil {
		t.Fatal(err)
	}
	next := Open(strings.TrimPrefix(filepath.Base(b.trees[0].base), "sandwright-"))
	if err := next.Sweep(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil || err.Error() != "signal: killed" {
		t.Errorf("%v", err)
	}
	for _, tr := range g.trees {
		if _, err := os.Stat(tr.dir); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("left %s: %v", tr.dir, err)
		}
	}
}

// Every directory of a Box stands below a group that the process is in.
func TestNothingOutsideOurOwnGroups(t *testing.T) {
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		t.Fatal(err)
	}
	for _, tr := range realBox(t).trees {
		pids := words(tr.dir, "cgroup.procs")
		if !slices.Contains(pids, strconv.Itoa(os.Getpid())) || filepath.Dir(tr.base) != tr.dir {
			t.Errorf("%s: we are in\n%s", tr.base, text)
		}
	}
}
