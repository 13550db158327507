//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/control"
	s6dir "github.com/sandwright/sandwright/internal/s6"
)

// benchPatience is how long a benchmark waits for what should come soon.
const benchPatience = time.Minute

// A tree is a supervisor, PID 1 of its namespace, and all below it.
type tree struct {
	*lab
	b        *testing.B
	peer     peer
	dir      string
	scan     string
	socket   string
	services []string // their directories
	client   *control.Client
	cmd      *exec.Cmd // unshare
	stderr   buffer
	exit     chan error
	over     bool
}

// prepare writes everything that the peer's supervisor of n services reads.
func (l *lab) prepare(b *testing.B, n int, p peer) *tree {
	b.Helper()
	dir := b.TempDir()
	t := &tree{lab: l, b: b, peer: p, dir: dir, scan: filepath.Join(dir, "scan"), socket: filepath.Join(dir, "run", "s"), exit: make(chan error, 1)}
	for i := range n {
		service := filepath.Join(t.scan, fmt.Sprintf("s%03d", i))
		l.writeService(b, service)
		t.services = append(t.services, service)
	}
	if p == peerNative || p == peerDirectories {
		l.writeSpec(t)
		t.client = control.New(func(ctx context.Context) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", t.socket)
		})
	}
	return t
}

// start starts the supervisor. It ends with the benchmark, whatever happens.
func (t *tree) start() {
	t.b.Helper()
	t.cmd = exec.Command("unshare", append([]string{"--pid", "--fork", "--mount-proc", "--kill-child"}, t.argv(t)...)...)
	t.cmd.Stdout, t.cmd.Stderr, t.cmd.WaitDelay = &t.stderr, &t.stderr, benchPatience
	t.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL}
	if err := t.cmd.Start(); err != nil {
		t.b.Fatal(err)
	}
	go func() { t.exit <- t.cmd.Wait() }()
	t.b.Cleanup(t.cut)
}

// cut kills PID 1, and with it all. The kernel has it wait for every process
// of its namespace.
func (t *tree) cut() {
	if t.over {
		return
	}
	t.over = true
	kids := children(t.cmd.Process.Pid)
	if len(kids) == 0 {
		kids = []int{t.cmd.Process.Pid}
	}
	_ = unix.Kill(kids[0], unix.SIGKILL)
	select {
	case <-t.exit:
	case <-time.After(benchPatience):
		t.b.Errorf("%s does not end", t.peer)
		_ = t.cmd.Process.Kill()
	}
	_ = os.RemoveAll(t.dir)
}

// waitFor waits until what is true, and looks every ms.
func (t *tree) waitFor(what string, is func() bool) {
	t.b.Helper()
	for end := time.Now().Add(benchPatience); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.b.Fatalf("%s: no %s after %s; stderr:\n%s", t.peer, what, benchPatience, t.stderr.String())
		}
	}
}

// waitReady waits until the supervisor holds every service for ready.
func (t *tree) waitReady() {
	t.b.Helper()
	left := t.services
	t.waitFor("readiness", func() bool {
		if t.peer == peerNative {
			status, err := t.client.Wait(t.b.Context())
			return err == nil && status.Ready
		}
		for len(left) > 0 && isReady(left[0]) {
			left = left[1:]
		}
		return len(left) == 0
	})
}

// isReady tells whether the s6 service directory says so.
func isReady(dir string) bool {
	data, err := os.ReadFile(filepath.Join(dir, "supervise", "status"))
	if err != nil {
		return false
	}
	status, err := s6dir.DecodeStatus(data)
	return err == nil && status.PID != 0 && status.Ready && !status.Finishing
}

// waitLogged waits until the line of every service is in its log.
func (t *tree) waitLogged() {
	t.b.Helper()
	for _, dir := range t.services {
		current := filepath.Join(t.dir, "log", filepath.Base(dir), "current")
		if t.peer == peerS6 || t.peer == peerLoggers {
			current = filepath.Join(dir, "log", "main", "current")
		}
		t.waitFor("line in "+current, func() bool {
			info, err := os.Stat(current)
			return err == nil && info.Size() > 0
		})
	}
}

// killed kills the service in dir, and gives the time to its next start.
func (t *tree) killed(dir string) time.Duration {
	t.b.Helper()
	pid, runs := t.serviceIn(dir), len(starts(t.b, dir))
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		t.b.Fatal(err)
	}
	if err := unix.Kill(pid, unix.SIGKILL); err != nil {
		t.b.Fatal(err)
	}
	t.waitFor("next run", func() bool { return len(starts(t.b, dir)) > runs })
	return time.Duration(starts(t.b, dir)[runs] - now.Nano())
}

// starts are the times at which the service in dir was started, in ns.
func starts(b *testing.B, dir string) []int64 {
	b.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "starts"))
	if err != nil {
		b.Fatal(err)
	}
	var out []int64
	for line := range bytes.Lines(text) {
		n, err := strconv.ParseInt(string(bytes.TrimSpace(line)), 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		out = append(out, n)
	}
	return out
}
