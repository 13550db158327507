//go:build linux

package main

import (
	"context"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sandwright/sandwright/internal/control"
	"github.com/sandwright/sandwright/internal/spec"
)

// killed kills a supervisor with SIGKILL and gives a successor in its place.
func (b *box) killed() *box {
	b.t.Helper()
	_ = b.cmd.Process.Kill()
	<-b.exit
	next := &box{t: b.t, dir: b.dir, socket: b.socket, stderr: &buffer{}, exit: make(chan error, 1)}
	next.cmd = exec.Command(b.cmd.Args[0], b.cmd.Args[1:]...)
	next.cmd.Stderr, next.cmd.WaitDelay, next.cmd.Env = next.stderr, patience, b.cmd.Env
	next.Client = control.New(func(ctx context.Context) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", b.socket)
	})
	if err := next.cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	go func() { next.exit <- next.cmd.Wait() }()
	next.pid = next.cmd.Process.Pid
	b.t.Cleanup(next.finish)
	next.eventually("an answer of the successor", func() bool {
		_, err := next.Status(b.t.Context())
		return err == nil
	})
	return next
}

// running tells whether a process is there, and no zombie.
func running(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(text), ") Z ")
}

// A supervisor that comes after one that was killed runs no service twice: the
// service that has closed its outputs, the one that has left its session, and
// the one that ignores SIGTERM included.
func TestSuccessorRunsNothingTwice(t *testing.T) {
	services := []spec.Service{
		sh("plain", `echo $$ > $DIR/plain; exec sleep 1000`),
		sh("closed", `exec >&- 2>&-; echo $$ > $DIR/closed; exec sleep 1000`),
		sh("family", `sleep 1000 & echo $! > $DIR/family; wait`),
		sh("strayed", `setsid sleep 1000 & echo $! > $DIR/strayed; exec sleep 1000`),
		sh("forked", `(sleep 1000 & echo $! > $DIR/forked); exit 0`, policy(spec.Never)),
	}
	b := start(t, subreaper, box1(services...), inDir)
	pids := map[string]int{}
	b.eventually("all processes", func() bool {
		for _, svc := range services {
			text, _ := os.ReadFile(filepath.Join(b.dir, svc.Name))
			pids[svc.Name], _ = strconv.Atoi(strings.TrimSpace(string(text)))
		}
		return slices.Min(slices.Collect(maps.Values(pids))) > 0
	})
	for range 3 {
		b = b.killed()
		for name, pid := range pids {
			if running(pid) && name != "forked" {
				t.Errorf("%s, process %d, is still there", name, pid)
			}
		}
		b.until("plain", spec.StateReady)
		b.tells("plain: an earlier supervisor left")
	}
}

// One that dies while it starts services leaves nothing that is not known.
func TestSuccessorOfAnEarlyDeath(t *testing.T) {
	var services []spec.Service
	for i := range 30 {
		services = append(services, sh(fmt.Sprint("s", i), `echo $$ >> $DIR/pids; exec sleep 1000`))
	}
	b := prepare(t, subreaper, box1(services...), inDir)
	if err := b.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { b.exit <- b.cmd.Wait() }()
	b.eventually("the first processes", func() bool { _, err := os.Stat(filepath.Join(b.dir, "pids")); return err == nil })
	next := b.killed()
	next.until("s29", spec.StateReady)
	next.settled()
	alive := map[int]bool{}
	text, err := os.ReadFile(filepath.Join(b.dir, "pids"))
	if err != nil {
		t.Fatal(err)
	}
	next.eventually("one process a service", func() bool {
		text, _ = os.ReadFile(filepath.Join(b.dir, "pids"))
		alive = map[int]bool{}
		for _, word := range strings.Fields(string(text)) {
			if pid, _ := strconv.Atoi(word); running(pid) {
				alive[pid] = true
			}
		}
		return len(alive) == len(services)
	})
}

// Two supervisors do not share a socket, and the second touches nothing.
func TestOnlyOneSupervisor(t *testing.T) {
	b := start(t, subreaper, box1(sh("x", "exec sleep 1000")))
	x := b.until("x", spec.StateReady)
	second := exec.Command(b.cmd.Args[0], b.cmd.Args[1:]...)
	out, err := second.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "another supervisor answers there") {
		t.Errorf("%v: %s", err, out)
	}
	if got := b.service("x"); got.PID != x.PID || !running(x.PID) {
		t.Errorf("%+v was %+v", got, x)
	}
}

// As any user, and with nothing to write to but the folder of the socket.
func TestReadOnlyRootAsAnyUser(t *testing.T) {
	b := prepare(t, subreaper, box1(sh("x", "id -u; exec sleep 1000")))
	run := filepath.Join(t.TempDir(), "run")
	if err := os.Mkdir(run, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(run, 4242, 4242); err != nil {
		t.Fatal(err)
	}
	for dir := run; dir != os.TempDir() && len(dir) > 1; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range []string{b.dir, filepath.Dir(b.dir), filepath.Dir(os.Getenv(binaryEnv))} {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	b.socket = filepath.Join(run, "control.sock")
	script := `mount --bind ` + run + ` ` + run + ` && mount -o remount,ro,bind / && exec setpriv --reuid 4242 --regid 4242 --clear-groups "$@"`
	args := append([]string{"--mount", "sh", "-c", script, "sh", b.cmd.Args[0], "--spec", b.cmd.Args[2]}, "--socket", b.socket)
	b.cmd.Args, b.cmd.Path = append([]string{"unshare"}, args...), "/usr/bin/unshare"
	b.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := b.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { b.exit <- b.cmd.Wait() }()
	b.pid = b.cmd.Process.Pid
	t.Cleanup(b.finish)
	b.eventually("an answer", func() bool { _, err := b.Status(t.Context()); return err == nil })
	x := b.until("x", spec.StateReady)
	want := filepath.Join(run, "log", "x", "current")
	if x.Log != want {
		t.Errorf("log in %s, want %s", x.Log, want)
	}
	b.eventually("its id", func() bool { text, _ := os.ReadFile(want); return strings.HasSuffix(string(text), "4242\n") })
}

func TestArgumentsComeFromTheEnvironment(t *testing.T) {
	b := prepare(t, subreaper, box1(sh("x", "exec sleep 1000")))
	b.cmd.Env = append(os.Environ(), argsEnv+"="+strings.Join(b.cmd.Args[1:], " "))
	b.cmd.Args = b.cmd.Args[:1]
	if err := b.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { b.exit <- b.cmd.Wait() }()
	t.Cleanup(b.finish)
	b.eventually("an answer", func() bool { _, err := b.Status(t.Context()); return err == nil })
	b.until("x", spec.StateReady)
}

func TestBurstsOfSignals(t *testing.T) {
	b := start(t, subreaper, box1(sh("x", `trap 'echo hup' HUP; echo up; while :; do sleep 0.02; done`)))
	b.logs("x", "up")
	for range 2000 {
		_ = syscall.Kill(b.pid, syscall.SIGHUP)
		_ = syscall.Kill(b.pid, syscall.SIGCHLD)
		_ = syscall.Kill(b.pid, syscall.SIGUSR2)
		_ = syscall.Kill(b.pid, syscall.SIGPIPE)
	}
	if got := b.service("x"); got.State != spec.StateReady && got.State != spec.StateBackoff && got.State != spec.StateStarting {
		t.Errorf("%+v", got)
	}
	for range 50 {
		_ = syscall.Kill(b.pid, syscall.SIGTERM)
	}
	if code := b.ends(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	b.exit <- nil
}

func Test200ServicesAtOnce(t *testing.T) {
	var services []spec.Service
	for i := range 200 {
		services = append(services, sh(fmt.Sprintf("s%03d", i), `echo started; echo >&3; exec sleep 1000`, probed(spec.Probe{FD: 3}, time.Minute)))
	}
	b := start(t, subreaper, box1(services...))
	if s := b.settled(); !s.Ready || len(s.Services) != 200 {
		t.Errorf("%+v", s)
	}
	for i := range 200 {
		b.logs(fmt.Sprintf("s%03d", i), "started")
	}
}

// A service that closes its outputs runs on, and its end is noticed at once.
func TestClosedOutputs(t *testing.T) {
	b := start(t, subreaper, box1(sh("x", `echo before; exec >&- 2>&-; while [ ! -e $DIR/go ]; do sleep 0.02; done; exit 3`, policy(spec.Never))), inDir)
	b.logs("x", "before")
	b.until("x", spec.StateReady)
	b.write("go", "")
	if got := b.until("x", spec.StateFailed); got.Reason != "exited 3" {
		t.Errorf("%+v", got)
	}
}

// A service that forks and exits is over, and what it forked ends with it.
func TestForksAndExits(t *testing.T) {
	b := start(t, subreaper, box1(sh("x", `sleep 4243 & echo $! > $DIR/child; exit 0`, policy(spec.OnFailure))), inDir)
	b.until("x", spec.StateExited)
	b.eventually("no children", func() bool { return len(childrenOf(t, b.pid)) == 0 })
}
