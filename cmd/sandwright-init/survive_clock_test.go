//go:build linux

package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sandwright/sandwright/internal/spec"
	"github.com/sandwright/sandwright/internal/tai64n"
)

// jump is added to package time: the wall clock goes an hour forth and two back
// every 0.4 s, while the monotonic clock goes on as ever.
const jump = `
func wallJump(mono int64) int64 { return [...]int64{0, 3600, -3600}[mono/400_000_000%3] }
`

// jumping builds the supervisor with a wall clock that jumps: nobody may set
// the one of the machine that tests run on.
func jumping(b *box) {
	b.t.Helper()
	const honest = "func Now() Time {\n\tsec, nsec, mono := runtimeNow()\n"
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		b.t.Fatal(err)
	}
	source := filepath.Join(strings.TrimSpace(string(root)), "src", "time", "time.go")
	text, err := os.ReadFile(source)
	if err != nil {
		b.t.Fatal(err)
	}
	if !strings.Contains(string(text), honest) {
		b.t.Fatalf("cannot make the clock of this Go jump: there is no %q in %s", honest, source)
	}
	b.write("time.go", strings.Replace(string(text), honest, honest+"\tsec += wallJump(mono)\n", 1)+jump)
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {source: filepath.Join(b.dir, "time.go")}})
	if err != nil {
		b.t.Fatal(err)
	}
	b.write("overlay.json", string(overlay))
	binary := filepath.Join(b.dir, "jumping")
	if out, err := exec.Command("go", "build", "-overlay", filepath.Join(b.dir, "overlay.json"), "-o", binary, ".").CombinedOutput(); err != nil {
		b.t.Fatalf("go build: %v: %s", err, out)
	}
	b.replaceBinary(binary)
}

// While the wall clock jumps by an hour, nothing comes an hour late or early:
// restarts, probes, deadlines, start limits, s6's second, logs.
func TestWallClockJumps(t *testing.T) {
	slow := func(s *spec.Service) {
		s.Restart.MinDelay, s.Restart.MaxDelay = spec.Duration(200*time.Millisecond), spec.Duration(200*time.Millisecond)
	}
	directory := directory(t, map[string]string{"run": "#!/bin/sh\necho run\nexit 1\n"})
	b := start(t, subreaper, box1(
		sh("again", "exit 1", slow),
		sh("late", "exec sleep 1000", probed(spec.Probe{FD: 3}, 2*time.Second)),
		sh("alive", "exec sleep 1000", func(s *spec.Service) {
			s.Live = every(50*time.Millisecond, spec.Probe{Exec: []string{"sh", "-c", "echo >> $DIR/asked"}, Failures: 3})
			s.Live.Timeout = spec.Duration(time.Minute)
		}),
		sh("limited", "exit 1", slow, func(s *spec.Service) {
			s.Restart.StartLimit, s.Restart.StartInterval = 5, spec.Duration(10*time.Minute)
		}),
		sh("says", "i=0; while :; do echo $i; i=$((i+1)); sleep 0.05; done", func(s *spec.Service) { s.Logs = spec.Rotation{MaxFiles: 1000, MaxBytes: 200, Stamp: "tai64n"} }),
		spec.Service{Name: "legacy", S6: directory, Stop: spec.Stop{Timeout: spec.Duration(5 * time.Second)}, Logs: sh("", "").Logs},
	), jumping, inDir)
	began := time.Now()
	if got := b.until("late", spec.StateFailed); got.Reason != "not ready after 2s: no newline on fd 3" {
		t.Errorf("%+v", got)
	}
	if took := time.Since(began); took < 1500*time.Millisecond {
		t.Errorf("a deadline of 2s was over after %s", took)
	}
	if got := b.until("limited", spec.StateFailed); !strings.HasSuffix(got.Reason, "(5 starts within 10m0s)") {
		t.Errorf("%+v", got)
	}
	b.eventually("10 restarts", func() bool { return b.service("again").Restarts >= 10 })
	b.eventually("3 runs of the directory", func() bool { return strings.Count(b.log("legacy"), "run\n") >= 3 })
	if took, fewest := time.Since(began), 10*200*time.Millisecond; took < fewest/2 {
		t.Errorf("10 restarts after %s each took %s", fewest/10, took)
	}
	b.eventually("20 questions", func() bool {
		text, _ := os.ReadFile(filepath.Join(b.dir, "asked"))
		return len(text) >= 20
	})
	if got := b.service("alive"); got.State != spec.StateReady || got.Restarts != 0 || got.ReadyAfter.Std() > patience {
		t.Errorf("%+v", got)
	}
	if err := b.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if code := b.ends(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	checkJumpingLog(t, filepath.Join(b.dir, "log", "says"))
}

// checkJumpingLog finds every line, in its order, and that the clock did jump.
func checkJumpingLog(t *testing.T, dir string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "@*"))
	if err != nil || len(files) < 3 {
		t.Fatalf("%d rotated files: %v", len(files), err)
	}
	var first, last time.Time
	n := 0
	for _, name := range append(files, filepath.Join(dir, "current")) {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			stamp, said, _ := strings.Cut(line, " ")
			at, err := tai64n.Parse(stamp)
			if err != nil {
				t.Fatal(err)
			}
			if first.IsZero() || at.Before(first) {
				first = at
			}
			if at.After(last) {
				last = at
			}
			if strings.TrimSpace(said) != strconv.Itoa(n) {
				t.Fatalf("%s has %q in the place of line %d", name, line, n)
			}
			n++
		}
	}
	if n < 20 || last.Sub(first) < time.Hour {
		t.Errorf("%d lines from %s to %s: the clock has not jumped", n, first, last)
	}
}
