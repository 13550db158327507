//go:build linux

package main

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/sandwright/sandwright/internal/spec"
)

// notifier is a shell function that speaks by sd_notify: `notify WORDS`. It
// waits for the answer to BARRIER=1, because a sender that has ended is known
// to nobody.
func notifier(t *testing.T) string {
	t.Helper()
	const program = `import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect(os.environ["NOTIFY_SOCKET"])
s.send("\n".join(sys.argv[1:]).encode())
r, w = os.pipe()
socket.send_fds(s, [b"BARRIER=1"], [w])
os.close(w)
os.read(r, 1)
`
	path := filepath.Join(t.TempDir(), "notify.py")
	if err := os.WriteFile(path, []byte(program), 0o644); err != nil {
		t.Fatal(err)
	}
	return "notify() { python3 " + path + ` "$@"; }; `
}

func every(d time.Duration, p spec.Probe) *spec.Probe {
	p.Interval, p.Timeout = spec.Duration(d), spec.Duration(10*time.Second)
	return &p
}

func TestNotifyMakesReady(t *testing.T) {
	b := start(t, subreaper, box1(
		sh("x", notifier(t)+`notify "STATUS=loading"; while [ ! -e $DIR/go ]; do sleep 0.05; done; notify READY=1 "STATUS=serving 3 clients"; exec sleep 1000`,
			probed(spec.Probe{Notify: true}, time.Minute)),
		// The socket of another service's run is no use.
		sh("thief", notifier(t)+`while [ ! -e $DIR/theirs ]; do sleep 0.05; done; NOTIFY_SOCKET=$(cat $DIR/theirs) notify READY=1; echo stolen; exec sleep 1000`),
	), inDir)
	b.eventually("a status", func() bool { return b.service("x").Says == "loading" })
	if got := b.service("x"); got.State != spec.StateStarting || got.Reason != "no READY=1" {
		t.Errorf("%+v", got)
	}
	socket, err := filepath.Glob(filepath.Join(filepath.Dir(b.socket), "notify", "x.*"))
	if err != nil || len(socket) != 1 {
		t.Fatalf("%v, %v", socket, err)
	}
	b.write("theirs", socket[0])
	b.logs("thief", "stolen")
	if got := b.service("x"); got.State != spec.StateStarting {
		t.Errorf("another service has made it ready: %+v", got)
	}
	b.write("go", "")
	if got := b.until("x", spec.StateReady); got.ReadyBy != "READY=1" {
		t.Errorf("%+v", got)
	}
	b.eventually("a status", func() bool { return b.service("x").Says == "serving 3 clients" })
}

func TestWatchdogRestarts(t *testing.T) {
	b := start(t, subreaper, box1(sh("x", notifier(t)+`notify READY=1 WATCHDOG=1; echo $WATCHDOG_USEC; exec sleep 1000`,
		probed(spec.Probe{Notify: true}, time.Minute), func(s *spec.Service) {
			s.Live = &spec.Probe{Notify: true, Interval: spec.Duration(2 * time.Second)}
		})))
	b.eventually("a restart", func() bool { return b.service("x").Restarts >= 1 })
	b.logs("x", "2000000\n")
	b.tells("x: not live: no WATCHDOG=1 within 2s")
}

func TestLineMakesReady(t *testing.T) {
	b := start(t, subreaper, box1(sh("x", `echo starting; sleep 0.2; printf 'listen'; sleep 0.1; echo 'ing on :3000'; exec sleep 1000`,
		probed(spec.Probe{Log: `^listening on :\d+$`}, time.Minute))))
	if got := b.until("x", spec.StateReady); got.ReadyBy != `line "listening on :3000"` {
		t.Errorf("%+v", got)
	}
}

func TestCommandMakesReadyAndShowsWhatItSaw(t *testing.T) {
	b := start(t, subreaper, box1(sh("x", `echo up > $DIR/state; exec sleep 1000`,
		probed(spec.Probe{Exec: []string{"sh", "-c", `cat $DIR/ready || { echo second line; exit 7; }`}}, time.Minute))), inDir)
	b.eventually("what the command saw", func() bool { return strings.Contains(b.service("x").Detail, "second line") })
	if got := b.service("x"); got.Reason != "sh: exited 7" || !strings.Contains(got.Detail, "No such file") {
		t.Errorf("%+v", got)
	}
	b.write("ready", "")
	if got := b.until("x", spec.StateReady); got.ReadyBy != "sh exited 0" || got.Detail != "" {
		t.Errorf("%+v", got)
	}
}

// A command that does not end is ended, with all it has started, and so is one
// whose service dies.
func TestCommandOfAProbeLeavesNothing(t *testing.T) {
	b := start(t, subreaper, box1(sh("x", `exec sleep 1000`, func(s *spec.Service) {
		s.Ready = &spec.Probe{Exec: []string{"sh", "-c", "sleep 4242 & sleep 4242"}, Timeout: spec.Duration(200 * time.Millisecond)}
	})))
	b.eventually("the end of its time", func() bool {
		return strings.Contains(b.service("x").Reason, "sh: ") && strings.Contains(b.service("x").Reason, "200ms")
	})
	if _, err := b.Stop(t.Context(), "x"); err != nil {
		t.Fatal(err)
	}
	b.eventually("no children", func() bool { return len(childrenOf(t, b.pid)) == 0 })
}

func TestNotLiveRestarts(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := start(t, subreaper, box1(sh("x", `exec sleep 1000`, func(s *spec.Service) {
		s.Live = every(20*time.Millisecond, spec.Probe{TCP: l.Addr().String(), Failures: 2})
	})))
	first := b.until("x", spec.StateReady)
	l.Close()
	b.eventually("a restart", func() bool { return b.service("x").Restarts >= 1 })
	b.tells("x: not live: connect to " + l.Addr().String() + ": connection refused")
	if b.service("x").PID == first.PID {
		t.Error("it is the same process")
	}
}

func TestStartProbeComesFirst(t *testing.T) {
	marker := filepath.Join(t.TempDir(), "started")
	b := start(t, subreaper, box1(sh("x", `exec sleep 1000`, func(s *spec.Service) {
		s.Start = every(20*time.Millisecond, spec.Probe{Exec: []string{"test", "-e", marker}})
		s.Ready = every(20*time.Millisecond, spec.Probe{Exec: []string{"true"}})
		s.Live = every(20*time.Millisecond, spec.Probe{Exec: []string{"false"}, Failures: 1})
		s.Restart.Policy = spec.Never
	})))
	b.eventually("a first answer", func() bool { return b.service("x").Reason == "test: exited 1" })
	if err := os.WriteFile(marker, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if got := b.until("x", spec.StateFailed); got.Reason != "not live: false: exited 1" {
		t.Errorf("%+v", got)
	}
}

func TestMigrationGatesTheServer(t *testing.T) {
	migrate := sh("migrate", `echo migrating; while [ ! -e $DIR/go ]; do sleep 0.02; done; touch $DIR/migrated`, func(s *spec.Service) { s.Task = &spec.Task{} })
	b := start(t, subreaper, box1(migrate, sh("web", `ls $DIR; exec sleep 1000`, after("migrate", spec.ExitedOK))), inDir)
	b.until("migrate", spec.StateStarting)
	if got := b.service("web"); got.Reason != "waiting for migrate: starting" {
		t.Errorf("%+v", got)
	}
	b.write("go", "")
	b.until("web", spec.StateReady)
	b.logs("web", "migrated")
	if s := b.settled(); !s.Ready {
		t.Errorf("%+v", s)
	}
}

func TestMainServiceEndsTheBox(t *testing.T) {
	inBothPlaces(t, func(t *testing.T, p place) {
		s := box1(sh("web", `exit 7`, policy(spec.Never), after("db", spec.Ready)), sh("db", `trap 'echo bye; exit' TERM; echo >&3; while :; do sleep 0.05; done`, probed(spec.Probe{FD: 3}, time.Minute)))
		s.Main = "web"
		b := prepare(t, p, s)
		err := b.cmd.Run()
		if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != 7 {
			t.Errorf("got %v; stderr:\n%s", err, b.stderr)
		}
		if got := b.log("db"); !strings.Contains(got, "bye") {
			t.Errorf("db was not stopped: %q", got)
		}
	})
}

func TestReloadOverTheSocket(t *testing.T) {
	b := start(t, subreaper, box1(sh("same", "exec sleep 1000"), sh("other", "exec sleep 1000"), sh("gone", "exec sleep 1000")))
	same, other := b.until("same", spec.StateReady), b.until("other", spec.StateReady)
	b.rewrite(box1(sh("same", "exec sleep 1000"), sh("other", "exec sleep 2000"), sh("new", "exec sleep 1000")))
	stdout, stderr, code := command(t, "reload", "--socket", b.socket)
	if code != 0 || !regexp.MustCompile(`(?s)other.*`).MatchString(stdout) {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
	b.until("new", spec.StateReady)
	b.eventually("another process", func() bool { return b.until("other", spec.StateReady).PID != other.PID })
	if got := b.service("same"); got.PID != same.PID {
		t.Errorf("%+v was %+v", got, same)
	}
	b.eventually("three services", func() bool { status, err := b.Status(t.Context()); return err == nil && len(status.Services) == 3 })
	b.rewrite(box1(sh("same", "exec sleep 1000", after("nobody", spec.Ready))))
	if _, stderr, code := command(t, "reload", "--socket", b.socket); code == 0 || !strings.Contains(stderr, `it comes after "nobody", which is no service`) {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
}

func TestMirror(t *testing.T) {
	out, err := os.Create(filepath.Join(t.TempDir(), "stdout"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	mirrored := func(s *spec.Service) { s.Logs.Mirror = true }
	b := start(t, subreaper, box1(sh("web", "echo hello; echo oops >&2; exec sleep 1000", mirrored), sh("quiet", "echo nothing; exec sleep 1000")),
		func(b *box) { b.cmd.Stdout = out })
	b.logs("quiet", "nothing")
	b.eventually("the lines", func() bool {
		text, err := os.ReadFile(out.Name())
		return err == nil && strings.Contains(string(text), "web | hello\n") && strings.Contains(string(text), "web | oops\n")
	})
	if text, _ := os.ReadFile(out.Name()); strings.Contains(string(text), "nothing") {
		t.Errorf("stdout: %s", text)
	}
}
