//go:build linux

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A scanning is a svscan of ours that runs below the test.
type scanning struct {
	t      *testing.T
	dir    string
	cmd    *exec.Cmd
	stderr string // a file: what is left when svscan is killed has it open
	exit   chan error
}

// scanIn starts svscan over dir and waits until it listens.
func scanIn(t *testing.T, dir string, args ...string) *scanning {
	t.Helper()
	s := &scanning{t: t, dir: dir, stderr: filepath.Join(t.TempDir(), "stderr"), exit: make(chan error, 1)}
	stderr, err := os.Create(s.stderr)
	if err != nil {
		t.Fatal(err)
	}
	defer stderr.Close()
	s.cmd = exec.Command(os.Getenv(binaryEnv), append(append([]string{"svscan"}, args...), dir)...)
	s.cmd.Stderr = stderr
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { s.exit <- s.cmd.Wait() }()
	t.Cleanup(s.finish)
	s.eventually("svscan", func() bool { return exec.Command("s6-svscanctl", "-z", dir).Run() == nil })
	return s
}

// finish ends it and all its services.
func (s *scanning) finish() {
	// It fails when it has ended already.
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.exit:
	case <-time.After(patience):
		s.t.Error("svscan did not end")
		_ = s.cmd.Process.Kill()
	}
	if out := s.said(); strings.Contains(out, "DATA RACE") || strings.Contains(out, "panic:") || s.t.Failed() {
		s.t.Errorf("stderr:\n%s", out)
	}
}

// said is all that svscan has written to stderr.
func (s *scanning) said() string {
	text, err := os.ReadFile(s.stderr)
	if err != nil {
		s.t.Error(err)
	}
	return string(text)
}

// kill is SIGKILL: what runs goes on to run.
func (s *scanning) kill() {
	s.t.Helper()
	if err := s.cmd.Process.Kill(); err != nil {
		s.t.Fatal(err)
	}
	<-s.exit
	s.exit <- nil
}

func (s *scanning) eventually(what string, is func() bool) {
	s.t.Helper()
	for end := time.Now().Add(patience); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("no %s after %s; stderr:\n%s", what, patience, s.said())
		}
	}
}

// read is a file below the scan directory; empty if there is none.
func (s *scanning) read(name string) string {
	text, _ := os.ReadFile(filepath.Join(s.dir, name))
	return string(text)
}

// scanDir makes a scan directory.
func scanDir(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	if err := (scenario{files: files}).write(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// A svscan that is killed and started again runs nothing twice: neither a
// service that ends when it is asked to, nor one that does not, nor a logger.
func TestSvscanKilledAndStartedAgain(t *testing.T) {
	t.Parallel()
	only := func(rest string) string {
		return writes("mkdir lock 2>/dev/null || { grep -q '^State:.[^ZX]' /proc/$(cat pid)/status && echo twice >>../.twice; }; echo $$ >pid; echo $$ >>pids; " + rest)
	}
	dir := scanDir(t, map[string]string{
		"a/run": only("exec sleep 1000"), "b/run": only("trap '' TERM; while :; do sleep 0.1; done"), "b/timeout-kill": "100",
		"a/log/run": only("exec cat >/dev/null"),
	})
	all := []string{"a", "b", "a/log"}
	runs := func(s *scanning, n int) func() bool {
		return func() bool {
			for _, name := range all {
				if strings.Count(s.read(name+"/pids"), "\n") != n {
					return false
				}
			}
			return true
		}
	}
	s := scanIn(t, dir)
	s.eventually("start", runs(s, 1))
	for n := range 2 {
		s.kill()
		s = scanIn(t, dir)
		s.eventually("start", runs(s, n+2))
	}
	if text := s.read(".twice"); text != "" {
		t.Errorf("a service ran twice: %s", text)
	}
	if !strings.Contains(s.said(), "which an earlier supervisor has left") {
		t.Errorf("nothing is said of what was left: %s", s.said())
	}
	for _, name := range all {
		out, err := exec.Command("s6-svstat", "-o", "up,wantedup", filepath.Join(dir, name)).Output()
		if err != nil || string(out) != "true true\n" {
			t.Errorf("%s: %s, %v", name, out, err)
		}
	}
}

// Services without log/run are logged by us, and with --own-loggers all are.
func TestSvscanLogs(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"bare/run":    writes("echo out; echo err >&2; exec sleep 1000"),
		"own/run":     writes("echo to log; exec sleep 1000"),
		"own/finish":  writes("echo last word"),
		"own/log/run": writes("exec cat >../../.got"),
	}
	for _, own := range []bool{false, true} {
		t.Run(fmt.Sprint("own ", own), func(t *testing.T) {
			t.Parallel()
			logs, args := t.TempDir(), []string{"--log-dir"}
			if args = append(args, logs); own {
				args = append(args, "--own-loggers")
			}
			s := scanIn(t, scanDir(t, files), args...)
			logged := func(name, text string) func() bool {
				return func() bool {
					current, _ := os.ReadFile(filepath.Join(logs, name, "current"))
					return strings.Contains(string(current), "  "+text+"\n")
				}
			}
			s.eventually("output", logged("bare", "out"))
			s.eventually("errors", logged("bare", "err"))
			if own {
				s.eventually("own log", logged("own", "to log"))
				if out, _ := exec.Command("s6-svc", "-wD", "-T", "5000", "-d", filepath.Join(s.dir, "own")).CombinedOutput(); len(out) > 0 {
					t.Errorf("s6-svc: %s", out)
				}
				s.eventually("last word", logged("own", "last word"))
			} else {
				s.eventually("log/run", func() bool { return s.read(".got") == "to log\n" })
			}
			if got := exec.Command("s6-svok", filepath.Join(s.dir, "own/log")).Run() == nil; got == own {
				t.Errorf("log/run is supervised: %v", got)
			}
		})
	}
}

// -d tells once commands are taken, -X is where one service's errors go, and
// neither descriptor is a service's.
func TestSvscanDescriptors(t *testing.T) {
	t.Parallel()
	dir := scanDir(t, map[string]string{"s6-svscan-log/run": writes("echo here >&2; ls /proc/$$/fd >fds.new; mv fds.new fds; exec sleep 1000")})
	notice, told, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	console, shown, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Getenv(binaryEnv), "svscan", "-d4", "-X", "5", dir)
	cmd.ExtraFiles = []*os.File{os.Stdin, told, shown}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	told.Close()
	shown.Close()
	var text bytes.Buffer
	if _, err := text.ReadFrom(notice); err != nil || text.String() != "\n" {
		t.Errorf("-d gave %q, %v", text.String(), err)
	}
	line := make([]byte, 16)
	if n, err := console.Read(line); err != nil || string(line[:n]) != "here\n" {
		t.Errorf("-X gave %q, %v", line[:n], err)
	}
	fds := ""
	for end := time.Now().Add(patience); fds == "" && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		data, _ := os.ReadFile(filepath.Join(dir, "s6-svscan-log/fds"))
		fds = strings.Join(strings.Fields(string(data)), " ")
	}
	if strings.Contains(fds+" ", " 4 ") || strings.Contains(fds+" ", " 5 ") || fds == "" {
		t.Errorf("the service has %s", fds)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// 200 services start, restart and end together.
func TestSvscan200Services(t *testing.T) {
	t.Parallel()
	files := map[string]string{}
	for i := range 200 {
		files[fmt.Sprintf("s%d/run", i)] = writes("echo $$ >>pids; echo >&3; exec sleep 1000")
		files[fmt.Sprintf("s%d/notification-fd", i)] = "3"
	}
	s := scanIn(t, scanDir(t, files))
	runs := func(n int) func() bool {
		return func() bool {
			for i := range 200 {
				if strings.Count(s.read(fmt.Sprintf("s%d/pids", i)), "\n") < n {
					return false
				}
			}
			return true
		}
	}
	s.eventually("start of all", runs(1))
	for i := range 200 {
		if err := os.WriteFile(filepath.Join(s.dir, fmt.Sprintf("s%d/supervise/control", i)), []byte("k"), 0); err != nil {
			t.Fatal(err)
		}
	}
	s.eventually("restart of all", runs(2))
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := <-s.exit; err != nil {
		t.Error(err)
	}
	s.exit <- nil
}

func TestParseSvscan(t *testing.T) {
	for line, want := range map[string]svscanOptions{
		"":                          {dir: ".", notify: -1},
		"x":                         {dir: "x", notify: -1},
		"-t5000 -c 7 x":             {dir: "x", notify: -1, rescan: 5 * time.Second, max: 7},
		"-C 1 -t 0 -- -x":           {dir: "-x", notify: -1, max: 2},
		"-c100000":                  {dir: ".", notify: -1, max: 90000},
		"--log-dir l x":             {dir: "x", notify: -1, logDir: "l"},
		"--own-loggers --log-dir l": {dir: ".", notify: -1, logDir: "l", ownLogs: true},
	} {
		if got, err := parseSvscan(strings.Fields(line)); err != nil || got != want {
			t.Errorf("%q: %+v, %v", line, got, err)
		}
	}
	for line, want := range map[string]string{
		"x y": "cannot scan 2 directories", "-c": "cannot use -c without a value", "-c x": "cannot use -c x: not a number", "-d 2": "cannot use -d 2: a descriptor of at least 3",
		"-d 999": "cannot use -d 999: bad file descriptor", "-z 1": "cannot understand -z", "--nope 1": "cannot understand --nope", "--own-loggers": "cannot log: --own-loggers needs --log-dir",
		"-t -1": "cannot use -t -1: not a number", "--help": "help is wanted",
	} {
		if _, err := parseSvscan(strings.Fields(line)); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", line, err, want)
		}
	}
}

func TestSvscanRefuses(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"svscan", "-c"}, 100, "error: cannot use -c without a value\nusage: "},
		{[]string{"svscan", "/nonexistent"}, 111, "error: cannot enter /nonexistent: no such file or directory\n"},
		{[]string{"svscan", "--log-dir"}, 100, "error: cannot use --log-dir without a value\n"},
	} {
		if _, stderr, code := command(t, c.args...); code != c.code || !strings.HasPrefix(stderr, c.want) {
			t.Errorf("%q: %d, %s", c.args, code, stderr)
		}
	}
	if stdout, _, code := command(t, "svscan", "--help"); code != 0 || stdout != svscanUsage {
		t.Errorf("%d, %s", code, stdout)
	}
}
