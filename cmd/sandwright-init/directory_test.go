//go:build linux

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sandwright/sandwright/internal/spec"
)

// directory makes an s6 service directory with the given files.
func directory(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// s6 runs one of s6's own clients.
func s6(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.WaitDelay = patience
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v: %s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// A service directory of s6 takes its place among other services: it waits, is
// waited for, is logged, and obeys both s6's clients and ours.
func TestS6DirectoryAmongServices(t *testing.T) {
	inBothPlaces(t, func(t *testing.T, p place) {
		dir := directory(t, map[string]string{
			"run":             "#!/bin/sh\necho \"$DIR up\"; echo oops >&2; echo >&3; exec sleep 1000\n",
			"finish":          "#!/bin/sh\necho finish $1 $2\n",
			"notification-fd": "3\n",
		})
		legacy := spec.Service{
			Name: "legacy", S6: dir, After: map[string]spec.Condition{"db": spec.Ready},
			Stop: spec.Stop{Timeout: spec.Duration(5 * time.Second)}, Logs: sh("", "").Logs,
		}
		b := start(t, p, box1(legacy,
			sh("db", `while [ ! -e $DIR/go ]; do sleep 0.02; done; echo >&3; exec sleep 1000`, probed(spec.Probe{FD: 3}, time.Minute)),
			sh("web", `exec sleep 1000`, after("legacy", spec.Ready)),
		), inDir)
		b.eventually("a supervised directory", func() bool { return exec.Command("s6-svok", dir).Run() == nil })
		if got := b.service("legacy"); got.State != spec.StateWaiting || got.WaitsFor != "db" {
			t.Errorf("%+v", got)
		}
		b.write("go", "")
		b.until("web", spec.StateReady)
		if got := b.until("legacy", spec.StateReady); got.ReadyBy != "newline on its notification-fd" {
			t.Errorf("%+v", got)
		}
		b.logs("legacy", b.dir+" up\n")
		b.logs("legacy", "oops\n")
		if got := s6(t, "s6-svstat", "-o", "up,ready", dir); got != "true true" {
			t.Errorf("s6-svstat: %q", got)
		}
		s6(t, "s6-svc", "-wD", "-T", "10000", "-d", dir)
		b.until("legacy", spec.StateStopped)
		b.logs("legacy", "finish 256 15\n")
		if _, err := b.Start(t.Context(), "legacy"); err != nil {
			t.Error(err)
		}
		s6(t, "s6-svwait", "-U", "-t", "10000", dir)
		if _, err := b.Stop(t.Context(), "legacy"); err != nil {
			t.Error(err)
		}
		if got := s6(t, "s6-svstat", "-o", "up,wantedup", dir); got != "false false" {
			t.Errorf("s6-svstat: %q", got)
		}
	})
}

// One whose run ignores SIGTERM is killed after the service's stop timeout.
func TestDeafS6DirectoryIsKilled(t *testing.T) {
	dir := directory(t, map[string]string{"run": "#!/bin/sh\ntrap '' TERM; echo up; while :; do sleep 0.05; done\n"})
	b := start(t, subreaper, box1(spec.Service{Name: "deaf", S6: dir, Stop: spec.Stop{Timeout: spec.Duration(200 * time.Millisecond)}, Logs: sh("", "").Logs}))
	b.logs("deaf", "up\n")
	if _, err := b.Stop(t.Context(), "deaf"); err != nil {
		t.Error(err)
	}
	b.tells("deaf: not gone after 200ms, killing it")
	b.until("deaf", spec.StateStopped)
}

// Its process does not outlive a supervisor that was killed, either.
func TestSuccessorOfAnS6Directory(t *testing.T) {
	dir := directory(t, map[string]string{"run": "#!/bin/sh\necho $$ >> pids; exec sleep 1000\n"})
	b := start(t, subreaper, box1(spec.Service{Name: "old", S6: dir, Stop: spec.Stop{Timeout: spec.Duration(time.Second)}, Logs: sh("", "").Logs}))
	first := b.until("old", spec.StateReady)
	b = b.killed()
	second := b.until("old", spec.StateReady)
	if first.PID == second.PID || running(first.PID) {
		t.Errorf("%+v, then %+v", first, second)
	}
}
