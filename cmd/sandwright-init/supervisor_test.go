//go:build linux

package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/sandwright/sandwright/internal/spec"
)

// speaks is a script that says when it stops, and takes a moment for it.
const speaks = `trap 'sleep 0.1; echo bye; exit 0' TERM; echo up; while :; do sleep 0.02; done`

// said is when a service wrote a line.
func (b *box) said(name, line string) string {
	b.t.Helper()
	text, err := os.ReadFile(filepath.Join(b.dir, "log", name, "current"))
	if err != nil {
		b.t.Fatal(err)
	}
	for l := range strings.Lines(string(text)) {
		if stamp, said, _ := strings.Cut(l, "  "); said == line+"\n" {
			return stamp
		}
	}
	b.t.Fatalf("%s has not said %q but:\n%s", name, line, text)
	return ""
}

// Three services start in order, are known to be ready, and stop in the
// reverse order; the stamps of their logs prove both.
func TestFirstLight(t *testing.T) {
	inBothPlaces(t, func(t *testing.T, p place) {
		var healthy atomic.Bool
		health := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if !healthy.Load() {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
		}))
		defer health.Close()
		b := start(t, p, box1(
			sh("web", speaks, after("api", spec.Ready)),
			sh("api", speaks, after("db", spec.Ready), probed(spec.Probe{HTTP: health.URL + "/health"}, time.Minute)),
			sh("db", strings.Replace(speaks, "echo up", "echo up; echo >&3", 1), probed(spec.Probe{FD: 3}, time.Minute)),
		))
		b.eventually("reason", func() bool {
			return b.service("api").Reason == "GET "+health.URL+"/health: 503 Service Unavailable"
		})
		healthy.Store(true)
		status := b.settled()
		for name, how := range map[string]string{"db": "newline on fd 3", "api": "GET /health 200", "web": "started"} {
			if s := find(t, status, name); s.State != spec.StateReady || s.ReadyBy != how || s.PID == 0 || s.Reason != "" {
				t.Errorf("%s: %+v", name, s)
			}
		}
		b.logs("web", "up")
		if err := syscall.Kill(b.pid, syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if code := b.ends(); code != 0 {
			t.Errorf("exit code %d", code)
		}
		order := []string{b.said("db", "up"), b.said("api", "up"), b.said("web", "up"), b.said("web", "bye"), b.said("api", "bye"), b.said("db", "bye")}
		if !slices.IsSorted(order) {
			t.Errorf("out of order: %q", order)
		}
		if !strings.Contains(b.stderr.String(), "sandwright-init: api: ready after ") {
			t.Errorf("stderr:\n%s", b.stderr)
		}
	})
}

func TestNeverReady(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + l.Addr().String() + "/health"
	l.Close()
	b := start(t, subreaper, box1(
		sh("x", "exec sleep 1000", probed(spec.Probe{HTTP: url}, 300*time.Millisecond)),
		sh("y", "exec sleep 1000", after("x", spec.Ready)),
	))
	status := b.settled()
	failure := "not ready after 300ms: GET " + url + ": connection refused"
	if s := find(t, status, "x"); s.State != spec.StateFailed || s.Reason != failure || s.PID != 0 {
		t.Errorf("x: %+v", s)
	}
	if s := find(t, status, "y"); s.State != spec.StateWaiting || s.Reason != "waiting for x: failed: "+failure {
		t.Errorf("y: %+v", s)
	}
	if !status.Failed || status.Ready {
		t.Errorf("status: %+v", status)
	}
}

func TestNewlineProbes(t *testing.T) {
	three := spec.Probe{FD: 3}
	b := start(t, subreaper, box1(
		sh("closed", "exec 3>&-; exec sleep 1000", probed(three, 300*time.Millisecond)),
		sh("silent", "exec sleep 1000", probed(three, 300*time.Millisecond)),
		sh("loop", "echo no DATABASE_URL >&2; exit 1", probed(three, 300*time.Millisecond)),
		sh("high", "echo >&9; exec sleep 1000", probed(spec.Probe{FD: 9}, time.Minute)),
	))
	for name, want := range map[string]string{
		"closed": "not ready after 300ms: closed fd 3 without a newline",
		"silent": "not ready after 300ms: no newline on fd 3",
	} {
		if s := b.until(name, spec.StateFailed); s.Reason != want {
			t.Errorf("%s: %q", name, s.Reason)
		}
	}
	loop := b.until("loop", spec.StateFailed)
	if !strings.HasPrefix(loop.Reason, "not ready after 300ms: exited 1 (") || !strings.HasSuffix(loop.Reason, " times), last output: no DATABASE_URL") {
		t.Errorf("loop: %q", loop.Reason)
	}
	if s := b.until("high", spec.StateReady); s.ReadyBy != "newline on fd 9" {
		t.Errorf("high: %+v", s)
	}
}

// What an old run has left behind cannot make the new one ready.
func TestNewlineOfAnOldRunDoesNotCount(t *testing.T) {
	b := start(t, subreaper, box1(
		sh("x", `if [ ! -e $DIR/old ]; then touch $DIR/old; setsid sh -c 'sleep 0.3; (echo >&3); touch $DIR/written' & sleep 0.1; exit 1; fi; exec sleep 1000`,
			probed(spec.Probe{FD: 3}, time.Minute)),
	), withoutCgroups, inDir)
	b.until("x", spec.StateBackoff)
	b.until("x", spec.StateStarting)
	b.eventually("newline of the old run", func() bool {
		_, err := os.Stat(filepath.Join(b.dir, "written"))
		return err == nil
	})
	if s := b.service("x"); s.State != spec.StateStarting || s.Reason != "no newline on fd 3" {
		t.Errorf("x: %+v", s)
	}
}

func TestKilledServiceComesBack(t *testing.T) {
	inBothPlaces(t, func(t *testing.T, p place) {
		b := start(t, p, box1(sh("x", "echo $$; exec sleep 1000", func(s *spec.Service) { s.Restart.MinDelay = spec.Duration(300 * time.Millisecond) }),
			sh("killer", "sleep 0.1; kill -9 $(head -1 $DIR/log/x/current | cut -d' ' -f4); exec sleep 1000", after("x", spec.Started))), inDir)
		if s := b.until("x", spec.StateBackoff); s.Reason != "killed by SIGKILL" || s.PID != 0 {
			t.Errorf("in between: %+v", s)
		}
		if s := b.until("x", spec.StateReady); s.Restarts != 1 || s.Reason != "" {
			t.Errorf("afterwards: %+v", s)
		}
	})
}

func TestDeafServiceIsKilled(t *testing.T) {
	inBothPlaces(t, func(t *testing.T, p place) {
		b := start(t, p, box1(sh("x", "trap '' TERM; echo up; while :; do sleep 1; done", stopTimeout(300*time.Millisecond))))
		b.logs("x", "up")
		started := time.Now()
		if s, err := b.Stop(t.Context(), "x"); err != nil || s.State != spec.StateStopped {
			t.Errorf("%+v, %v", s, err)
		}
		if took := time.Since(started); took < 300*time.Millisecond || took > 8*time.Second {
			t.Errorf("took %s", took)
		}
	})
}

func TestASecondSignalDoesNotWait(t *testing.T) {
	inBothPlaces(t, func(t *testing.T, p place) {
		b := start(t, p, box1(sh("x", "trap '' TERM; echo up; while :; do sleep 1; done", stopTimeout(time.Hour))))
		b.logs("x", "up")
		for range 2 {
			if err := syscall.Kill(b.pid, syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			b.eventually("word of it", func() bool { return strings.Contains(b.stderr.String(), "init: stopping") })
		}
		if code := b.ends(); code != 0 {
			t.Errorf("exit code %d", code)
		}
	})
}

// A process that has left the service's session, and has no cgroup either,
// holds its pipes. The death is noticed at once, what the process writes is
// still logged, and it does not outlive the box.
func TestStrayHoldsTheLogPipe(t *testing.T) {
	inBothPlaces(t, func(t *testing.T, p place) {
		b := start(t, p, box1(sh("x", "setsid sh -c 'echo $$ > $DIR/stray; while [ ! -e $DIR/go ]; do sleep 0.02; done; echo stray; exec sleep 1000' & echo parent; while [ ! -e $DIR/stray ]; do sleep 0.02; done; exit 3",
			policy(spec.Never))), withoutCgroups, inDir)
		if s := b.until("x", spec.StateFailed); s.Reason != "exited 3" {
			t.Errorf("x: %+v", s)
		}
		b.write("go", "")
		b.logs("x", "parent\nstray\n")
		if err := b.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		if code := b.ends(); code != 0 {
			t.Errorf("exit code %d", code)
		}
	})
}

// Where a service has a cgroup, nothing of a run outlives it, whatever session
// it has gone to.
func TestStrayEndsWithItsCgroup(t *testing.T) {
	b := start(t, subreaper, box1(sh("x", "setsid sh -c 'echo $$ > $DIR/stray; exec sleep 1000' & while [ ! -s $DIR/stray ]; do sleep 0.02; done; exit 3",
		policy(spec.Never))), inDir)
	stray := b.pidIn("stray")
	if s := b.until("x", spec.StateFailed); s.Reason != "exited 3" {
		t.Errorf("x: %+v", s)
	}
	b.gone(stray)
}

func TestOrphansLeaveNoZombie(t *testing.T) {
	inBothPlaces(t, func(t *testing.T, p place) {
		b := start(t, p, box1(sh("x", `i=0; while [ $i -lt 10000 ]; do (: &); i=$((i+1)); done; echo done; exec sleep 1000`)))
		b.eventuallyWithin(2*time.Minute, "10,000 orphans", func() bool { return strings.Contains(b.log("x"), "done") })
		b.eventually("end of the zombies", func() bool { return len(childrenOf(t, b.pid)) == 1 })
	})
}

// childrenOf lists the processes whose parent is pid, zombies included.
func childrenOf(t *testing.T, pid int) []string {
	t.Helper()
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, path := range tasks {
		if text, err := os.ReadFile(path); err == nil {
			out = append(out, strings.Fields(string(text))...)
		}
	}
	return out
}

func TestLaunchFailuresSayWhatIsMissing(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	script := write("script", "#!/opt/node/bin/node --flag\n", 0o755)
	plain := write("plain", "text", 0o644)
	command := func(argv ...string) func(*spec.Service) { return func(s *spec.Service) { s.Command = argv } }
	in := func(dir string) func(*spec.Service) { return func(s *spec.Service) { s.Dir = dir } }
	b := start(t, subreaper, spec.Spec{Env: map[string]string{"PATH": "/usr/bin:/bin"}, Services: []spec.Service{
		sh("path", "", command("nodex")),
		sh("file", "", command("/nope/node")),
		sh("relative", "", command("./nope"), in(dir)),
		sh("interpreter", "", command(script)),
		sh("mode", "", command(plain)),
		sh("dir", "", in("/nope")),
		sh("dirfile", "", in(plain)),
	}})
	for name, want := range map[string]string{
		"path":        "cannot find nodex in PATH /usr/bin:/bin: no such file or directory",
		"file":        "cannot start /nope/node: no such file or directory",
		"relative":    "cannot start " + dir + "/nope: no such file or directory",
		"interpreter": "cannot start " + script + ": its interpreter /opt/node/bin/node: no such file or directory",
		"mode":        "cannot start " + plain + ": permission denied",
		"dir":         "cannot start in /nope: no such file or directory",
		"dirfile":     "cannot start in " + plain + ": not a directory",
	} {
		if s := b.until(name, spec.StateFailed); s.Reason != want {
			t.Errorf("%s: %q, want %q", name, s.Reason, want)
		}
	}
}

func TestUnwritableLogFailsTheService(t *testing.T) {
	b := start(t, subreaper, box1(sh("x", "exec sleep 1000"), sh("y", "exec sleep 1000", after("x", spec.Started))), func(b *box) {
		if err := os.MkdirAll(filepath.Join(b.dir, "log"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(b.dir, "log", "x"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	})
	if s := b.until("x", spec.StateFailed); !strings.HasPrefix(s.Reason, "cannot open its log: ") {
		t.Errorf("x: %+v", s)
	}
}

func TestSignalsReachServices(t *testing.T) {
	inBothPlaces(t, func(t *testing.T, p place) {
		b := start(t, p, box1(sh("x", `trap 'echo HUP' HUP; trap 'echo USR1' USR1; trap 'echo USR2' USR2; echo up; while :; do sleep 0.05; done`)))
		b.logs("x", "up")
		for sig, name := range map[syscall.Signal]string{syscall.SIGHUP: "HUP", syscall.SIGUSR1: "USR1", syscall.SIGUSR2: "USR2"} {
			if err := syscall.Kill(b.pid, sig); err != nil {
				t.Fatal(err)
			}
			b.logs("x", name)
		}
	})
}

func TestRestartOverTheSocket(t *testing.T) {
	inBothPlaces(t, func(t *testing.T, p place) {
		b := start(t, p, box1(sh("x", speaks), sh("y", speaks, after("x", spec.Ready))))
		before := b.settled()
		b.logs("x", "up")
		got, err := b.Restart(t.Context(), "x")
		if err != nil || got.State != spec.StateReady || got.PID == find(t, before, "x").PID || got.Restarts != 1 {
			t.Errorf("x: %+v, %v", got, err)
		}
		if y := b.service("y"); y.PID != find(t, before, "y").PID {
			t.Errorf("y was restarted, too: %+v", y)
		}
		b.logs("x", "bye\nup\n")
	})
}

// What one box has logged, the next one continues.
func TestEventsEndWithTheBox(t *testing.T) {
	b := start(t, pid1, box1(sh("x", speaks)))
	b.settled()
	var last spec.Status
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	err := b.Events(ctx, func(s spec.Status) error {
		if last.Services == nil {
			if err := b.Shutdown(ctx); err != nil {
				return err
			}
		}
		last = s
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if s := find(t, last, "x"); s.State != spec.StateStopped {
		t.Errorf("last seen: %+v", s)
	}
	if code := b.ends(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}
