//go:build linux

package s6

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// One that is held begins down without a down file, and its owner says when.
func TestHeld(t *testing.T) {
	o := own(t)
	dir := service(t, map[string]string{"run": sleeps})
	s := o.open(dir, func(o *Options) { o.Held = true })
	if st := o.until(s, "rest", isDown); st.Wanted || st.PID != 0 || !st.Ready {
		t.Errorf("%+v", st)
	}
	if got := s6("s6-svstat", "-o", "up,wantedup,normallyup", dir); got != "false false true\n" {
		t.Errorf("s6-svstat: %s", got)
	}
	o.do(s.Up)
	first := o.until(s, "start", isUp)
	if first.Restarts != 0 || first.PID == 0 {
		t.Errorf("%+v", first)
	}
	o.do(s.Restart)
	again := o.until(s, "restart", func(s State) bool { return s.Phase == Up && s.PID != first.PID })
	if again.Restarts != 1 || again.Wait.Signal() != syscall.SIGTERM {
		t.Errorf("%+v", again)
	}
	o.do(s.Down)
	o.until(s, "end", isDown)
}

// Nobody else takes a directory that is taken, and one that is left is free.
func TestSupervised(t *testing.T) {
	o := own(t)
	dir := service(t, map[string]string{"run": sleeps, "down": ""})
	exited := make(chan bool, 1)
	s := o.open(dir, func(o *Options) { o.Exited = func(*Service) { exited <- true } })
	o.do(func() {
		if _, err := Open(dir, Options{Name: "y", Loop: o.loop, Poller: o.poller}); !errors.Is(err, ErrSupervised) {
			t.Errorf("got %v", err)
		}
	})
	if got := s6("s6-supervise", dir); !strings.HasSuffix(got, "= 100") {
		t.Errorf("s6-supervise: %s", got)
	}
	if got := s6("s6-svok", dir) + s6("s6-svc", "-x", dir); got != "" {
		t.Errorf("s6-svok and s6-svc: %s", got)
	}
	<-exited
	if got := s6("s6-svok", dir); got != "= 1" {
		t.Errorf("s6-svok: %s", got)
	}
	if st := o.until(s, "end", func(s State) bool { return s.Phase == Left }); st.PID != 0 {
		t.Errorf("%+v", st)
	}
	o.do(func() { s.Control('u'); s.Leave(); s.Terminate(); s.Close(); s.Kill() })
}

// What cannot be started says why, once, and is tried again.
func TestCannotStart(t *testing.T) {
	for text, want := range map[string]string{
		"":                         "cannot start run: exec format error",
		"#!/nonexistent/program\n": "cannot start run: its interpreter is missing: no such file or directory",
	} {
		o := own(t)
		s := o.open(service(t, map[string]string{"run": text}), nil)
		st := o.until(s, "reason", func(s State) bool { return s.Reason != "" })
		if st.Reason != want || st.Phase != Down || !st.Wanted || time.Until(st.Next) < 5*time.Second {
			t.Errorf("%q: %+v", text, st)
		}
		if !o.hasSaid("x: " + want + "; trying again after 10s") {
			t.Errorf("said %q", o.said)
		}
	}
}

// Kill reaches the whole group of what runs.
func TestKill(t *testing.T) {
	o := own(t)
	dir := service(t, map[string]string{"run": "#!/bin/sh\nsleep 1000 &\necho $! >pids\nwait\n", "finish": "#!/bin/sh\necho $2 >finished\nexec sleep 1000\n", "timeout-finish": "0"})
	s := o.open(dir, nil)
	o.eventually("pid", func() bool { return len(words(dir, "pids")) == 1 })
	child, err := strconv.Atoi(words(dir, "pids")[0])
	if err != nil {
		t.Fatal(err)
	}
	o.do(s.Kill)
	o.eventually("end of the child", func() bool { _, alive := startOf(child); return !alive })
	o.eventually("finish", func() bool { return len(words(dir, "finished")) == 1 })
	o.do(func() { s.Down(); s.Kill() })
	if st := o.until(s, "end", isDown); st.Wait.Signal() != syscall.SIGKILL {
		t.Errorf("%+v", st)
	}
}

// A service that holds lock-fd's lock in a stray process is not started twice.
func TestLockFD(t *testing.T) {
	o := own(t)
	dir := service(t, map[string]string{"run": "#!/bin/sh\nsetsid sleep 1000 &\necho $! >>pids\nexit 0\n", "lock-fd": "5"})
	s := o.open(dir, nil)
	st := o.until(s, "wait", func(s State) bool { return s.Reason != "" })
	if st.Reason != "another process holds its lock-fd" || len(words(dir, "pids")) != 1 {
		t.Errorf("%+v", st)
	}
	stray, err := strconv.Atoi(words(dir, "pids")[0])
	if err != nil {
		t.Fatal(err)
	}
	kill := func(pid int) { _ = syscall.Kill(pid, syscall.SIGKILL) }
	kill(stray)
	o.eventually("second run", func() bool { return len(words(dir, "pids")) > 1 })
	o.do(s.Down)
	o.until(s, "end", isDown)
	for _, word := range words(dir, "pids") {
		pid, _ := strconv.Atoi(word)
		kill(pid)
	}
}

// Many restarts leave nothing open.
func TestManyRestarts(t *testing.T) {
	o := own(t)
	dir := service(t, map[string]string{"run": "#!/bin/sh\necho >&3\n", "notification-fd": "3", "lock-fd": "4", "max-death-tally": "3"})
	s := o.open(dir, nil)
	o.until(s, "first end", func(s State) bool { return s.Phase == Down })
	before := descriptors(t)
	for i := range 200 {
		o.do(func() { s.Control('o') })
		o.until(s, "end", func(s State) bool { return s.Phase == Down && s.Restarts > i })
	}
	if after := descriptors(t); after > before+2 {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
	if got := s6("s6-svdt", dir); strings.Count(got, "exitcode 0") != 3 {
		t.Errorf("s6-svdt: %s", got)
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

// Directories that cannot be used are refused, and nothing stays open.
func TestOpenRefuses(t *testing.T) {
	o := own(t)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	before := descriptors(t)
	for want, dir := range map[string]string{
		"cannot open /nonexistent: no such file or directory": "/nonexistent",
		"cannot open " + file + ": not a directory":           file,
		"cannot open supervise/control of x: not a FIFO":      service(t, map[string]string{"supervise/control": ""}),
		"cannot lock supervise/lock of x: not a directory":    service(t, map[string]string{"supervise": ""}),
	} {
		o.do(func() {
			_, err := Open(dir, Options{Name: "x", Loop: o.loop, Poller: o.poller})
			if err == nil || err.Error() != want {
				t.Errorf("got %v, want %s", err, want)
			}
		})
	}
	if after := descriptors(t); after != before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}
