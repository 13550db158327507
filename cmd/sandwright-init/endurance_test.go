//go:build linux

package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
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

// 10,000 restarts leave no descriptor, no process and no memory behind.
func TestManyRestarts(t *testing.T) {
	const services, warm, all = 10, 50, 1000 // restarts of each
	var list []spec.Service
	for i := range services {
		list = append(list, sh(fmt.Sprint("x", i), "echo run; exit 1", hurried))
	}
	b := start(t, subreaper, box1(list...), asShipped)
	restarted := func(n int) {
		t.Helper()
		b.eventuallyWithin(5*time.Minute, fmt.Sprint(n, " restarts of each"), func() bool {
			status, err := b.Status(t.Context())
			return err == nil && !slices.ContainsFunc(status.Services, func(s spec.ServiceStatus) bool { return s.Restarts < n })
		})
	}
	open := func() int { return len(openOf(t, b.pid)) }
	// Between two runs of all services, a run's descriptors are gone, too.
	fewest := func() int {
		n := open()
		for range 100 {
			time.Sleep(2 * time.Millisecond)
			n = min(n, open())
		}
		return n
	}
	restarted(warm)
	before, used := fewest(), memory(t, b.pid, "VmRSS")
	restarted(all)
	if grown := memory(t, b.pid, "VmRSS") - used; grown > 4<<10 {
		t.Errorf("grown by %d kB", grown)
	}
	if after := fewest(); after > before+services {
		t.Errorf("%d descriptors, and %d before", after, before)
	}
	for _, s := range list {
		if _, err := b.Stop(t.Context(), s.Name); err != nil {
			t.Fatal(err)
		}
	}
	b.eventually("no children", func() bool { return len(childrenOf(t, b.pid)) == 0 })
}

// A gigabyte in lines of 100 bytes: each is there, once and whole, in its order.
func TestFloodOfAGigabyte(t *testing.T) {
	const lines, blocks = 10_000, 1024
	var block []byte
	for i := range lines {
		block = fmt.Appendf(block, "%099d\n", i)
	}
	b := start(t, subreaper, box1(sh("x", fmt.Sprintf("while [ ! -e $DIR/go ]; do sleep 0.02; done; i=0; while [ $i -lt %d ]; do cat $DIR/block; i=$((i+1)); done; echo end; exec sleep 1000", blocks),
		func(s *spec.Service) { s.Logs = spec.Rotation{MaxFiles: 10_000, MaxBytes: 64 << 20, Stamp: "none"} })), inDir, asShipped)
	b.write("block", string(block))
	b.write("go", "")
	dir := filepath.Join(b.dir, "log", "x")
	b.eventuallyWithin(10*time.Minute, "end of the flood", func() bool { return endsWith(filepath.Join(dir, "current"), "\nend\n") })
	var files []string
	b.eventuallyWithin(5*time.Minute, "whole files", func() bool {
		unfinished, err := filepath.Glob(filepath.Join(dir, "@*.u"))
		if err != nil || len(unfinished) > 0 {
			return false
		}
		files, err = filepath.Glob(filepath.Join(dir, "@*"))
		return err == nil
	})
	next := 0
	for _, name := range append(files, filepath.Join(dir, "current")) {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for ; len(text) >= 100; text, next = text[100:], next+1 {
			if want := block[next%lines*100:][:100]; !bytes.Equal(text[:100], want) {
				t.Fatalf("%s: %q in the place of line %d", name, text[:100], next)
			}
		}
		if len(text) > 0 && (next != lines*blocks || string(text) != "end\n") {
			t.Fatalf("%s: %q behind %d lines", name, text, next)
		}
	}
	if next != lines*blocks {
		t.Errorf("%d lines of %d", next, lines*blocks)
	}
}

// endsWith looks at the end of a file, however large.
func endsWith(path, text string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	last := make([]byte, len(text))
	if _, err := f.Seek(-int64(len(text)), io.SeekEnd); err != nil {
		return false
	}
	_, err = io.ReadFull(f, last)
	return err == nil && string(last) == text
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
