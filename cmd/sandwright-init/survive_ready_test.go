//go:build linux

package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sandwright/sandwright/internal/spec"
)

// A checker is killed, then hangs, and then says yes: each is known for what it
// was, nothing of it is left, and the service is ready.
func TestCheckerDiesAndHangs(t *testing.T) {
	inBothPlaces(t, func(t *testing.T, p place) {
		b := start(t, p, box1(sh("x", "exec sleep 1000", func(s *spec.Service) {
			s.Ready = every(20*time.Millisecond, spec.Probe{Exec: []string{"sh", "-c",
				`[ -e $DIR/ready ] && exit 0; [ -e $DIR/hang ] || { echo last words; kill -SEGV $$; }; sleep 1000 & exec sleep 1000`}})
			s.Ready.Timeout, s.Ready.Deadline = spec.Duration(300*time.Millisecond), spec.Duration(time.Minute)
		})), inDir)
		b.eventually("a checker that was killed", func() bool {
			x := b.service("x")
			return x.State == spec.StateStarting && x.Reason == "sh: killed by SIGSEGV" && strings.Contains(x.Detail, "last words")
		})
		b.write("hang", "")
		b.eventually("a checker that hangs", func() bool { return strings.HasPrefix(b.service("x").Reason, "sh: not done within 300ms") })
		b.write("ready", "")
		if x := b.until("x", spec.StateReady); x.ReadyBy != "sh exited 0" || x.Restarts != 0 {
			t.Errorf("%+v", x)
		}
	})
}

// A checker that is stopped by a signal, and so neither ends nor answers, is no
// reason to wait for it at the end.
func TestStoppedCheckerDoesNotHoldTheEnd(t *testing.T) {
	b := start(t, subreaper, box1(sh("x", "exec sleep 1000", func(s *spec.Service) {
		s.Ready = every(20*time.Millisecond, spec.Probe{Exec: []string{"sh", "-c", `echo $$ > $DIR/checker; kill -STOP $$`}})
		s.Ready.Timeout = spec.Duration(time.Hour)
	})), inDir)
	checker := b.pidIn("checker")
	if err := b.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if code := b.ends(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	b.gone(checker)
}

// pidIn waits for the process id that a script writes to a file of the box.
func (b *box) pidIn(name string) (pid int) {
	b.t.Helper()
	b.eventually("a pid in "+name, func() bool {
		text, _ := os.ReadFile(filepath.Join(b.dir, name))
		pid, _ = strconv.Atoi(strings.TrimSuffix(string(text), "\n"))
		return pid > 0 && strings.HasSuffix(string(text), "\n")
	})
	return pid
}

// A service dies on its way to ready, by itself and by a signal, and comes
// back until it gets there; its dependant waits all the while.
func TestDiesBeforeReady(t *testing.T) {
	inBothPlaces(t, func(t *testing.T, p place) {
		b := start(t, p, box1(
			sh("x", `n=$(wc -l < $DIR/runs); echo >> $DIR/runs; case $n in 0) exit 5;; 1) kill -KILL $$;; 2) exit 0;; esac; echo >&3; exec sleep 1000`,
				probed(spec.Probe{FD: 3}, time.Minute)),
			sh("y", "wc -l < $DIR/runs; exec sleep 1000", after("x", spec.Ready)),
		), inDir, func(b *box) { b.write("runs", "") })
		if x := b.until("x", spec.StateReady); x.Restarts != 3 || x.Reason != "" {
			t.Errorf("%+v", x)
		}
		b.logs("y", "4\n")
		for _, want := range []string{"exited 5", "killed by SIGKILL", "exited 0"} {
			b.tells("x: " + want + ", starting again in ")
		}
	})
}

// A service that is not started again and dies before it is ready has failed,
// however it died.
func TestDiesBeforeReadyForGood(t *testing.T) {
	never := func(name, script string) spec.Service {
		return sh(name, script, policy(spec.Never), probed(spec.Probe{FD: 3}, time.Minute))
	}
	b := start(t, subreaper, box1(never("bad", "exit 5"), never("killed", "kill -SEGV $$"), never("fine", "exit 0")))
	for name, want := range map[string]string{"bad": "exited 5", "killed": "killed by SIGSEGV", "fine": "exited 0 before it was ready"} {
		if s := b.until(name, spec.StateFailed); s.Reason != want {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

// Readiness that comes after the deadline comes too late: the service has
// failed, stays so, and is ended.
func TestReadyAfterItsDeadline(t *testing.T) {
	inBothPlaces(t, func(t *testing.T, p place) {
		b := start(t, p, box1(
			sh("x", `trap 'echo >&3; echo late; while [ ! -e $DIR/go ]; do sleep 0.02; done; exit 0' TERM; while :; do sleep 0.02; done`,
				probed(spec.Probe{FD: 3}, 300*time.Millisecond), stopTimeout(time.Minute)),
			sh("y", "exec sleep 1000", after("x", spec.Ready)),
		), inDir)
		b.logs("x", "late")
		const why = "not ready after 300ms: no newline on fd 3"
		for range 20 {
			if x := b.service("x"); x.State != spec.StateStopping || x.Reason != why {
				t.Fatalf("ready too late: %+v", x)
			}
		}
		b.write("go", "")
		if x := b.until("x", spec.StateFailed); x.Reason != why || x.Restarts != 0 {
			t.Errorf("%+v", x)
		}
		b.eventually("end of x", func() bool { return len(childrenOf(t, b.pid)) == 0 })
		if y := b.service("y"); y.State != spec.StateWaiting {
			t.Errorf("%+v", y)
		}
		if s := b.settled(); s.Ready || !s.Failed {
			t.Errorf("%+v", s)
		}
	})
}

// Services that wait for each other in a circle are refused by name, and
// nothing is started.
func TestCycleStartsNothing(t *testing.T) {
	touch := func(name, dep string, c spec.Condition) spec.Service {
		return sh(name, "touch $DIR/started", after(dep, c))
	}
	b := prepare(t, subreaper, box1(touch("a", "b", spec.Ready), touch("b", "c", spec.Started), touch("c", "a", spec.ExitedOK), sh("free", "touch $DIR/started")), inDir)
	err := b.cmd.Run()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 78 {
		t.Errorf("got %v", err)
	}
	for _, want := range []string{"a -> b -> c -> a", "error: "} {
		if !strings.Contains(b.stderr.String(), want) {
			t.Errorf("no %q in:\n%s", want, b.stderr)
		}
	}
	for _, name := range []string{"started", "log/free"} {
		if _, err := os.Stat(filepath.Join(b.dir, name)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("something was started: %s: %v", name, err)
		}
	}
}
