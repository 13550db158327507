//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sandwright/sandwright/internal/spec"
)

// memory is a figure of /proc/PID/status in kB, such as VmHWM.
func memory(t *testing.T, pid int, figure string) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), figure+":")
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		t.Fatalf("no %s in %s", figure, status)
	}
	kb, err := strconv.Atoi(fields[0])
	if err != nil {
		t.Fatal(err)
	}
	return kb
}

// A line of 100 MB is logged in pieces. It neither grows the supervisor nor
// keeps it from anything else.
func TestLineOf100MB(t *testing.T) {
	b := start(t, subreaper, box1(
		sh("long", "head -c 104857600 /dev/zero | tr '\\0' x; echo; echo end; exec sleep 1000"),
		sh("other", "exec sleep 1000"),
	))
	before := memory(t, b.pid, "VmHWM")
	if s, err := b.Restart(t.Context(), "other"); err != nil || s.State != spec.StateReady {
		t.Errorf("other: %+v, %v", s, err)
	}
	b.logs("long", "end\n")
	if grown := memory(t, b.pid, "VmHWM") - before; grown > 32<<10 {
		t.Errorf("grown by %d kB", grown)
	}
	files, err := filepath.Glob(filepath.Join(b.dir, "log", "long", "@*.s"))
	if err != nil || len(files) != 3 {
		t.Errorf("rotated files: %q, %v", files, err)
	}
}

// Restarts leave no descriptor and no process behind.
func TestManyRestarts(t *testing.T) {
	b := start(t, subreaper, box1(sh("x", "echo run; exit 1", func(s *spec.Service) {
		s.Restart.MinDelay, s.Restart.MaxDelay = spec.Duration(time.Millisecond), spec.Duration(time.Millisecond)
	})))
	open := func() int { return len(descriptors(t, b.pid)) }
	b.eventually("20 restarts", func() bool { return b.service("x").Restarts >= 20 })
	if _, err := b.Stop(t.Context(), "x"); err != nil {
		t.Fatal(err)
	}
	before := open()
	if _, err := b.Start(t.Context(), "x"); err != nil {
		t.Fatal(err)
	}
	b.eventually("300 restarts", func() bool { return b.service("x").Restarts >= 300 })
	if _, err := b.Stop(t.Context(), "x"); err != nil {
		t.Fatal(err)
	}
	b.eventually("descriptors as before", func() bool { return open() <= before })
	b.eventually("no children", func() bool { return len(childrenOf(t, b.pid)) == 0 })
}

// What has left its service's session, and ignores SIGTERM, ends with the box.
func TestNothingOutlivesTheBox(t *testing.T) {
	inBothPlaces(t, func(t *testing.T, p place) {
		b := start(t, p, box1(sh("x", `setsid sh -c 'trap "" TERM; (setsid sleep 1000 & wait); sleep 1000' & echo up; wait`)))
		b.logs("x", "up")
		b.eventually("stray processes", func() bool { return len(descendants(t, b.pid)) >= 3 })
		strays := descendants(t, b.pid)
		if err := syscall.Kill(b.pid, syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if code := b.ends(); code != 0 {
			t.Errorf("exit code %d", code)
		}
		b.eventually("end of the strays", func() bool {
			for _, pid := range strays {
				if syscall.Kill(pid, 0) == nil {
					return false
				}
			}
			return true
		})
	})
}

// descendants lists every process below pid.
func descendants(t *testing.T, pid int) []int {
	t.Helper()
	var out []int
	for _, text := range childrenOf(t, pid) {
		child, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		out = append(append(out, child), descendants(t, child)...)
	}
	return out
}

// A log that a killed supervisor has left is set aside, one that was finished
// is continued.
func TestLogsOverSeveralBoxes(t *testing.T) {
	logs := t.TempDir()
	says := func(text string) *box {
		b := start(t, pid1, box1(sh("x", "echo "+text+"; exec sleep 1000")), func(b *box) {
			if err := os.Symlink(logs, filepath.Join(b.dir, "log")); err != nil {
				t.Fatal(err)
			}
		})
		b.logs("x", text)
		return b
	}
	first := says("first")
	if err := first.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	first.ends()
	second := says("second")
	if got := second.log("x"); got != "first\nsecond\n" {
		t.Errorf("after a clean end: %q", got)
	}
	if err := syscall.Kill(second.pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	second.ends()
	third := says("third")
	if got := third.log("x"); got != "third\n" {
		t.Errorf("after a kill: %q", got)
	}
	files, err := filepath.Glob(filepath.Join(logs, "x", "@*.u"))
	if err != nil || len(files) != 1 {
		t.Errorf("set aside: %q, %v", files, err)
	}
}
