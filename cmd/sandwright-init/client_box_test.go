//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sandwright/sandwright/internal/control"
	"github.com/sandwright/sandwright/internal/spec"
)

// The commands against a real supervisor: a service's life, as they show it.
func TestCommandsOfALife(t *testing.T) {
	b := start(t, subreaper, box1(
		sh("web", `trap 'echo got HUP' HUP; echo up; while :; do sleep 0.05; done`),
		sh("job", "echo done; exit 0", policy(spec.Never)),
	))
	ask := func(args ...string) (string, string, int) { return command(t, append(args, "--socket", b.socket)...) }
	if stdout, stderr, code := ask("wait", "--timeout", "20s"); code != 0 || !strings.Contains(stdout, "web") {
		t.Fatalf("wait: %d, %s%s", code, stdout, stderr)
	}
	if _, stderr, code := ask("wait", "--for", "exited", "--timeout", "100ms", "web", "job"); code != 1 || !strings.HasPrefix(stderr, "error: cannot wait for web to be exited: after 100ms it is ready\n") {
		t.Errorf("wait for the exit: %d, %s", code, stderr)
	}
	b.logs("web", "up")
	if stdout, stderr, code := ask("signal", "web", "HUP"); code != 0 || !strings.Contains(stdout, "ready") {
		t.Errorf("signal: %d, %s%s", code, stdout, stderr)
	}
	b.logs("web", "got HUP")
	if stdout, stderr, code := ask("logs", "-n", "1", "web"); code != 0 || !strings.HasSuffix(stdout, "  got HUP\n") || strings.Count(stdout, "\n") != 1 {
		t.Errorf("logs: %d, %s%s", code, stdout, stderr)
	}
	if _, stderr, code := ask("signal", "job", "HUP"); code != 1 || !strings.HasPrefix(stderr, "error: cannot signal ") {
		t.Errorf("signal to what has exited: %d, %s", code, stderr)
	}
	if stdout, _, code := ask("stop", "web", "job"); code != 0 || strings.Count(stdout, "\n") != 3 {
		t.Errorf("stop: %d, %s", code, stdout)
	}
	if _, stderr, code := ask("wait", "web"); code != 1 || stderr != "error: cannot wait for web to be ready: stopped\nhint:  run: sandwright-init start web\n" {
		t.Errorf("wait for what was stopped: %d, %s", code, stderr)
	}
}

// A dependant of a service that has failed is not waited for.
func TestWaitForADependantOfTheFailed(t *testing.T) {
	b := start(t, subreaper, box1(
		sh("a", "exec sleep 1000", after("b", spec.Ready)),
		sh("b", "exec sleep 1000", after("c", spec.Ready)),
		sh("c", "exit 3", policy(spec.Never), probed(spec.Probe{FD: 3}, time.Minute)),
	))
	b.until("c", spec.StateFailed)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	_, err := b.WaitFor(ctx, control.Awaited{Services: []string{"a"}})
	if ctx.Err() != nil || err == nil || err.Error() != "cannot wait for a to be ready: waiting for b: waiting for c: failed: exited 3" {
		t.Errorf("got %v", err)
	}
}

// Following logs and events ends with the box, with what came last.
func TestStreamsEndWithTheBox(t *testing.T) {
	b := start(t, subreaper, box1(sh("x", speaks)))
	b.settled()
	b.logs("x", "up")
	lines, logsEnded := background(t.Context(), "logs -f x --socket "+b.socket)
	events, eventsEnded := background(t.Context(), "events --socket "+b.socket)
	expectLine(t, lines, ".*  up")
	expectLine(t, events, clock+"  x  ready .*")
	if err := b.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	for in, want := range map[*bufio.Reader]string{lines: "  bye\n", events: "  x  stopped"} {
		for line := ""; !strings.Contains(line, want); {
			var err error
			if line, err = in.ReadString('\n'); err != nil {
				t.Fatalf("%q never came: %v", want, err)
			}
		}
	}
	expectEnd(t, logsEnded)
	expectEnd(t, eventsEnded)
	if code := b.ends(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// A reload does what the new spec asks for and no more; one with faults does
// nothing.
func TestReloadCommand(t *testing.T) {
	b := start(t, subreaper, box1(sh("kept", "exec sleep 1000"), sh("changed", "exec sleep 1000"), sh("gone", "exec sleep 1000")))
	before := b.settled()
	path := filepath.Join(b.dir, "spec.json")
	write := func(services ...spec.Service) {
		t.Helper()
		s := spec.Spec{Version: spec.Version, Name: "box", LogDir: filepath.Join(b.dir, "log"), Env: map[string]string{"PATH": os.Getenv("PATH")}, Services: services}
		data, err := spec.Encode(s)
		if err := errors.Join(err, os.WriteFile(path, data, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	write(sh("changed", "exec sleep 2000"), sh("kept", "exec sleep 1000", after("nope", spec.Ready)))
	if _, stderr, code := command(t, "reload", "--socket", b.socket); code == 0 || !strings.Contains(stderr, "nope") {
		t.Errorf("a reload with a fault: %d, %s", code, stderr)
	}
	for _, s := range before.Services {
		if now := b.service(s.Name); now.PID != s.PID {
			t.Errorf("%s: %+v", s.Name, now)
		}
	}
	write(sh("changed", "exec sleep 2000"), sh("kept", "exec sleep 1000"), sh("new", "exec sleep 1000"))
	stdout, stderr, code := command(t, "reload", "--socket", b.socket)
	if want := "started    new\nstopped    gone\nrestarted  changed\nunchanged  kept\n"; code != 0 || stdout != want {
		t.Errorf("reload: %d, %s%s", code, stdout, stderr)
	}
	b.eventually("end of gone", func() bool {
		status, err := b.Status(t.Context())
		return err == nil && len(status.Services) == 3 && status.Ready
	})
	if now := b.service("kept"); now.PID != find(t, before, "kept").PID {
		t.Errorf("kept: %+v", now)
	}
	if now := b.service("changed"); now.PID == find(t, before, "changed").PID {
		t.Errorf("changed: %+v", now)
	}
}

// Only the supervisor's user may open the socket.
func TestSocketIsPrivate(t *testing.T) {
	b := start(t, subreaper, box1(sh("x", "exec sleep 1000")))
	info, err := os.Stat(b.socket)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
}

// A command that nobody answers ends with its own timeout.
func TestWaitOnADeadSupervisor(t *testing.T) {
	started := time.Now()
	_, stderr, code := command(t, "wait", "--timeout", "1s", "--socket", filepath.Join(t.TempDir(), "nobody"))
	if code != 1 || !strings.HasPrefix(stderr, "error: cannot reach the supervisor: ") || time.Since(started) > patience {
		t.Errorf("%d, %s", code, stderr)
	}
}
