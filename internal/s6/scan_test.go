//go:build linux

package s6

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// scan opens a scan directory and looks for services once.
func (o *owner) scan(dir string, change func(*ScanOptions)) *Scan {
	o.t.Helper()
	options := ScanOptions{Loop: o.loop, Poller: o.poller, Say: o.say, System: System{Stdin: 0, Stdout: 1, Stderr: 2, Env: os.Environ()}}
	if change != nil {
		change(&options)
	}
	var s *Scan
	var err error
	o.do(func() {
		if s, err = OpenScan(dir, options); err == nil {
			s.Rescan()
		}
	})
	if err != nil {
		o.t.Fatal(err)
	}
	o.t.Cleanup(func() {
		o.do(func() { s.End(Quit) })
		o.whole("end of all services", func() bool { return s.Ended() })
		o.do(s.Close)
	})
	return s
}

// whole waits until what is true in the loop.
func (o *owner) whole(what string, is func() bool) {
	o.t.Helper()
	o.eventually(what, func() (ok bool) {
		o.do(func() { ok = is() })
		return ok
	})
}

// up tells, in the loop, whether a unit's service is up; an entry without a
// logger has none.
func (s *Scan) up(name string) bool {
	name, logger, _ := strings.Cut(name, "/")
	e := s.entries[name]
	if e == nil {
		return false
	}
	u := e.main
	if logger != "" {
		u = e.logger
	}
	return u != nil && u.service != nil && u.service.state.Phase == Up
}

func TestScan(t *testing.T) {
	o := own(t)
	dir := service(t, map[string]string{"a/run": sleeps, "a/log/run": "#!/bin/sh\nexec cat >/dev/null\n", "b/run": sleeps, ".c/run": sleeps, "file": ""})
	s := o.scan(dir, nil)
	o.whole("start", func() bool { return s.up("a") && s.up("a/log") && s.up("b") })
	o.do(func() {
		if len(s.entries) != 2 {
			t.Errorf("%d entries", len(s.entries))
		}
		if _, err := OpenScan(dir, ScanOptions{Loop: o.loop, Poller: o.poller}); !errors.Is(err, ErrScanned) {
			t.Errorf("got %v", err)
		}
	})
	before := descriptors(t)
	for range 5 {
		if err := os.Rename(filepath.Join(dir, "a"), filepath.Join(dir, ".a")); err != nil {
			t.Fatal(err)
		}
		o.do(func() { s.Control('h') })
		o.whole("prune", func() bool { return s.entries["a"] == nil })
		if err := os.Rename(filepath.Join(dir, ".a"), filepath.Join(dir, "a")); err != nil {
			t.Fatal(err)
		}
		o.do(s.Rescan)
		o.whole("start", func() bool { return s.up("a") && s.up("a/log") })
	}
	if after := descriptors(t); after > before+1 {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}

// A directory that comes back while its service still ends is started again.
func TestScanDirectoryComesBack(t *testing.T) {
	o := own(t)
	dir := service(t, map[string]string{"a/run": "#!/bin/sh\ntrap '' TERM\necho $$ >>../.pids\nwhile :; do sleep 0.05; done\n"})
	s := o.scan(dir, nil)
	o.eventually("start", func() bool { return len(words(dir, ".pids")) == 1 })
	here, away := filepath.Join(dir, "a"), filepath.Join(dir, ".a")
	if err := os.Rename(here, away); err != nil {
		t.Fatal(err)
	}
	o.do(func() { s.Control('h') })
	if err := os.Rename(away, here); err != nil {
		t.Fatal(err)
	}
	o.do(func() { s.Rescan(); s.entries["a"].main.service.Kill() })
	o.eventually("second start", func() bool { return len(words(dir, ".pids")) == 2 })
	o.whole("start", func() bool { return s.up("a") })
	t.Cleanup(func() {
		o.do(func() { s.End(Quit); s.entries["a"].main.service.Kill() })
	})
}

// A service that is left is opened again while its directory is there, and not
// once it is gone; when it comes back, a scan does.
func TestScanOpensAgain(t *testing.T) {
	o := own(t)
	dir := service(t, map[string]string{"a/run": sleeps})
	s := o.scan(dir, nil)
	o.whole("start", func() bool { return s.up("a") })
	o.do(func() { s.entries["a"].main.service.Terminate() })
	o.whole("end", func() bool { return s.entries["a"].main.service == nil })
	o.whole("start", func() bool { return s.up("a") })
	here, away := filepath.Join(dir, "a"), filepath.Join(dir, ".a")
	if err := os.Rename(here, away); err != nil {
		t.Fatal(err)
	}
	o.do(func() { s.Rescan(); s.entries["a"].main.service.Terminate() })
	o.whole("end of the entry", func() bool { return s.entries["a"] == nil })
	if err := os.Rename(away, here); err != nil {
		t.Fatal(err)
	}
	o.do(s.Rescan)
	o.whole("start", func() bool { return s.up("a") })
}

// A directory that somebody else supervises is tried again until it is free.
func TestScanWaitsForAnother(t *testing.T) {
	o := own(t)
	dir := service(t, map[string]string{"a/run": sleeps})
	other := o.open(filepath.Join(dir, "a"), nil)
	o.until(other, "start", isUp)
	s := o.scan(dir, nil)
	if !o.hasSaid("a: cannot lock supervise/lock of a: another supervisor has it; trying again after 1s") {
		t.Errorf("said %q", o.said)
	}
	o.do(other.Terminate)
	o.whole("start", func() bool { return s.up("a") })
}

// A logger takes what its service says last, and ends after it.
func TestScanEndsLoggersLast(t *testing.T) {
	o := own(t)
	dir := service(t, map[string]string{
		"a/run":     "#!/bin/sh\ntrap 'sleep 0.2; echo bye; exit 0' TERM\necho up\nwhile :; do sleep 0.02; done\n",
		"a/finish":  "#!/bin/sh\necho finished\n",
		"a/log/run": "#!/bin/sh\nwhile read l; do echo $l >>../../.got; done\necho end >>../../.got\n",
	})
	s := o.scan(dir, nil)
	o.eventually("output", func() bool { return strings.Join(words(dir, ".got"), " ") == "up" })
	o.do(func() { s.Control('t') })
	o.whole("end", s.Ended)
	if got := strings.Join(words(dir, ".got"), " "); got != "up bye finished end" {
		t.Errorf("the logger got %s", got)
	}
	o.do(func() { s.Control('a'); s.Rescan(); s.End(Abort) })
	o.whole("nothing", func() bool { return s.ending == Terminate && len(s.entries) == 0 })
}

// Abort leaves everything as it runs.
func TestScanAbort(t *testing.T) {
	o := own(t)
	dir := service(t, map[string]string{"a/run": "#!/bin/sh\necho $$ >../.pids\nexec sleep 1000\n"})
	s := o.scan(dir, nil)
	o.eventually("pid", func() bool { return len(words(dir, ".pids")) == 1 })
	var pid int
	o.whole("start", func() bool { return s.up("a") })
	o.do(func() {
		pid = s.entries["a"].main.service.state.PID
		s.Control('b')
		if !s.Ended() {
			t.Error("it goes on")
		}
		s.Close()
	})
	if _, alive := startOf(pid); !alive {
		t.Error("the service was ended")
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Error(err)
	}
}

// Of services and loggers with own logs: who gets a descriptor, and what
// happens where there is none.
func TestScanOwnLogs(t *testing.T) {
	for _, own1 := range []bool{false, true} {
		o := own(t)
		dir := service(t, map[string]string{"a/run": sleeps, "a/log/run": sleeps, "b/run": sleeps, "c/run": sleeps})
		asked := map[string]int{}
		s := o.scan(dir, func(so *ScanOptions) {
			so.OwnLogs = own1
			so.Log = func(name string) (int, error) {
				if name == "c" {
					return -1, errors.New("disk is full")
				}
				fd, err := unix.Open(os.DevNull, unix.O_WRONLY|unix.O_CLOEXEC, 0)
				asked[name] = fd
				return fd, err
			}
		})
		o.whole("start", func() bool { return s.up("a") && s.up("b") && s.up("a/log") != own1 })
		o.do(func() {
			if b := s.entries["b"].main.system; b.Stdout != asked["b"] || b.Stderr != asked["b"] {
				t.Errorf("b has %+v", b)
			}
			if a := s.entries["a"].main.system; (a.Stdout == asked["a"]) != own1 || a.Stderr != 2 {
				t.Errorf("a has %+v", a)
			}
		})
		if !o.hasSaid("cannot start c: disk is full") {
			t.Errorf("said %q", o.said)
		}
	}
}

func TestScanLimitAndRescan(t *testing.T) {
	o := own(t)
	dir := service(t, map[string]string{"a/run": sleeps})
	s := o.scan(dir, func(so *ScanOptions) { so.Max, so.Rescan = 2, 20*time.Millisecond })
	o.whole("start", func() bool { return s.up("a") })
	for _, name := range []string{"b", "c"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	o.eventually("refusal", func() bool { return o.hasSaid("too many services, at most 2") })
	o.whole("two", func() bool { return len(s.entries) == 2 })
}

func TestOpenScanRefuses(t *testing.T) {
	o := own(t)
	for want, dir := range map[string]string{
		"cannot open /nonexistent: no such file or directory": "/nonexistent",
		"cannot open .s6-svscan/control: not a FIFO":          service(t, map[string]string{".s6-svscan/control": ""}),
		"cannot lock .s6-svscan/lock: not a directory":        service(t, map[string]string{".s6-svscan": ""}),
	} {
		o.do(func() {
			if _, err := OpenScan(dir, ScanOptions{Loop: o.loop, Poller: o.poller}); err == nil || err.Error() != want {
				t.Errorf("got %v, want %s", err, want)
			}
		})
	}
}
