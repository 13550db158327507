//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/spec"
)

// openOf lists the descriptors that a process has open.
func openOf(t *testing.T, pid int) (fds []int) {
	t.Helper()
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		fd, err := strconv.Atoi(e.Name())
		if err != nil {
			t.Fatal(err)
		}
		fds = append(fds, fd)
	}
	return fds
}

// spare is the limit of descriptors with which a process has n left.
func spare(t *testing.T, pid, n int) uint64 {
	t.Helper()
	used := openOf(t, pid)
	for next := 0; ; next++ {
		if slices.Contains(used, next) {
			continue
		}
		if n == 0 {
			return uint64(next)
		}
		n--
	}
}

// A supervisor that has no descriptors left, or fewer than a start needs, tries
// again until it has, with whatever a service needs descriptors for; none is
// lost on the way.
func TestDescriptorsRunOut(t *testing.T) {
	const most = 16 // a start needs fewer
	slow := func(s *spec.Service) {
		s.Restart.MinDelay, s.Restart.MaxDelay = spec.Duration(20*time.Millisecond), spec.Duration(20*time.Millisecond)
	}
	services := []spec.Service{
		sh("plain", "exec sleep 1000", slow),
		sh("newline", "echo >&3; exec sleep 1000", slow, probed(spec.Probe{FD: 3}, time.Hour)),
		sh("limited", "exec sleep 1000", slow, func(s *spec.Service) { s.Limits.Umask = "0027" }),
		sh("notifying", notifier(t)+"notify READY=1; exec sleep 1000", slow, probed(spec.Probe{Notify: true}, time.Hour)),
	}
	b := start(t, subreaper, box1(services...))
	allReady := func() {
		t.Helper()
		for _, svc := range services {
			b.until(svc.Name, spec.StateReady)
		}
	}
	allReady()
	before := len(openOf(t, b.pid))
	said := func(text string) int { return strings.Count(b.stderr.String(), text) }
	const outOf = "too many open files, starting again in"
	for left := range most {
		for _, svc := range services {
			told, ready := said(outOf), said(svc.Name+": ready after")
			back := func() bool { return said(svc.Name+": ready after") > ready }
			restore := limit(t, b.pid, unix.RLIMIT_NOFILE, spare(t, b.pid, left))
			if err := syscall.Kill(-b.pidOf(svc.Name), syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			b.eventually("another attempt", func() bool { return back() || said(outOf) >= told+2 })
			restore()
			b.eventually("a start of "+svc.Name, back)
		}
	}
	if said(outOf) < 3*len(services) {
		t.Errorf("they hardly ever ran out; stderr:\n%s", b.stderr)
	}
	allReady()
	b.eventually(fmt.Sprintf("descriptors as before, %d", before), func() bool { return len(openOf(t, b.pid)) <= before })
}

// pidOf is the process that the supervisor has told of last.
func (b *box) pidOf(name string) int {
	b.t.Helper()
	_, rest, _ := strings.Cut(b.stderr.String()[strings.LastIndex(b.stderr.String(), name+": started, pid "):], "pid ")
	digits, _, _ := strings.Cut(rest, "\n")
	pid, err := strconv.Atoi(digits)
	if err != nil {
		b.t.Fatal(err)
	}
	return pid
}

// as is the beginning of a command line that runs as a user without a name.
func as(id int) []string {
	who := strconv.Itoa(id)
	return []string{"setpriv", "--reuid", who, "--regid", who, "--clear-groups"}
}

// asUser runs the supervisor as a user of its own, whose processes nobody else
// adds to.
func asUser(id int) option {
	return func(b *box) {
		b.t.Helper()
		for _, dir := range []string{filepath.Dir(b.dir), filepath.Dir(os.Getenv(binaryEnv))} {
			if err := os.Chmod(dir, 0o755); err != nil {
				b.t.Fatal(err)
			}
		}
		if err := os.Chown(b.dir, id, id); err != nil {
			b.t.Fatal(err)
		}
		under(as(id)...)(b)
	}
}

// noMoreProcesses lets a user's process make no other, nor a thread, until
// restore. The user does it to itself: root needs CAP_SYS_RESOURCE for that.
func noMoreProcesses(t *testing.T, user, pid int) (restore func()) {
	t.Helper()
	var before unix.Rlimit // its is ours
	if err := unix.Getrlimit(unix.RLIMIT_NPROC, &before); err != nil {
		t.Fatal(err)
	}
	set := func(soft uint64) {
		t.Helper()
		argv := append(as(user), "prlimit", "--pid", strconv.Itoa(pid), fmt.Sprintf("--nproc=%d:", soft))
		if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%q: %v: %s", argv, err, out)
		}
	}
	set(1)
	return func() { t.Helper(); set(before.Cur) }
}

// A supervisor that may not have another process, nor another thread, survives
// that and starts its services again once it may.
func TestProcessesRunOut(t *testing.T) {
	for _, tt := range []struct {
		name    string
		user    int
		options []option
	}{{"race", 4250, nil}, {"as shipped", 4251, []option{asShipped}}} {
		t.Run(tt.name, func(t *testing.T) {
			b := start(t, subreaper, box1(
				sh("x", "exec sleep 1000"), sh("y", "exec sleep 1000"),
				sh("checked", "exec sleep 1000", func(s *spec.Service) {
					s.Live = every(20*time.Millisecond, spec.Probe{Exec: []string{"true"}, Failures: 1000})
				}),
			), append([]option{asUser(tt.user)}, tt.options...)...)
			for range 5 {
				dieWithoutProcesses(t, b, tt.user)
			}
			b.until("x", spec.StateReady)
			b.until("y", spec.StateReady)
		})
	}
}

// dieWithoutProcesses ends two services while none can be started.
func dieWithoutProcesses(t *testing.T, b *box, user int) {
	t.Helper()
	const cannot = "resource temporarily unavailable, starting again in"
	x, y := b.until("x", spec.StateReady), b.until("y", spec.StateReady)
	restore := noMoreProcesses(t, user, b.pid)
	told := strings.Count(b.stderr.String(), cannot)
	for _, pid := range []int{x.PID, y.PID} {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	b.eventually("attempts", func() bool { return strings.Count(b.stderr.String(), cannot) >= told+4 })
	if got := b.service("x"); got.State != spec.StateBackoff || got.PID != 0 {
		t.Errorf("%+v", got)
	}
	restore()
}
