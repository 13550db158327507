//go:build linux

package main

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// logEnv makes the test binary the command log with its arguments.
const logEnv = "SANDWRIGHT_TEST_LOG"

// It has to be decided before TestMain, which builds the whole binary.
var _ = beLogger()

func beLogger() bool {
	if os.Getenv(logEnv) == "" {
		return false
	}
	os.Exit(runLog(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	return true
}

// logCommand is a command log that has not been started.
func logCommand(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), logEnv+"=1", "GORACE=atexit_sleep_ms=0")
	return cmd
}

// Wrong command lines and failures end as those of s6-log do.
func TestLogExitCodesLikeS6Log(t *testing.T) {
	for _, line := range []string{
		"1", "-bp 1", "-b -p -q -v 1", "-l100 1", "-l 10 1", "-- -a 1", "- +b 1", "n5 1",
		"", "-Z 1", "-t 3 1", "-l", "-l x 1", "-d 2 1", "-d 99 1", "-d x 1", "n5", "foo", "q 1", "nx 1",
		"+( 1", "1a", "s4096 l2049 1", "/proc/nope", "./no/such/dir",
	} {
		args := strings.Fields(line)
		code := func(cmd *exec.Cmd) (int, string) {
			var out bytes.Buffer
			cmd.Dir, cmd.Stdin, cmd.Stdout = t.TempDir(), strings.NewReader("a\nb\n"), &out
			_ = cmd.Run() // the exit code is compared
			return cmd.ProcessState.ExitCode(), out.String()
		}
		want, wantOut := code(exec.Command("s6-log", args...))
		if got, out := code(logCommand(t, args...)); got != want || out != wantOut {
			t.Errorf("log %s: exit code %d and %q, of s6-log %d and %q", line, got, out, want, wantOut)
		}
	}
}

// A loggerRun is a logger that reads from a pipe.
type loggerRun struct {
	*exec.Cmd
	in     *os.File
	out    *bufio.Reader
	exited chan error
}

func startLog(t *testing.T, cmd *exec.Cmd) loggerRun {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdin = r
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r.Close()
	c := loggerRun{Cmd: cmd, in: w, out: bufio.NewReader(stdout), exited: make(chan error, 1)}
	t.Cleanup(func() {
		w.Close()
		cmd.Process.Kill()
	})
	return c
}

// says writes a line and waits until it comes out.
func (c loggerRun) says(t *testing.T, line string) {
	t.Helper()
	if _, err := c.in.WriteString(line); err != nil {
		t.Fatal(err)
	}
	if got, err := c.out.ReadString('\n'); got != line {
		t.Fatalf("got %q, want %q: %v", got, line, err)
	}
}

func (c loggerRun) wait(t *testing.T) {
	t.Helper()
	go func() { c.exited <- c.Wait() }()
	select {
	case err := <-c.exited:
		if err != nil {
			t.Errorf("it ends with %v", err)
		}
	case <-time.After(patience):
		t.Fatal("it does not end")
	}
}

func TestLogEndsOnSignals(t *testing.T) {
	for _, tt := range []struct {
		option string
		sig    syscall.Signal
	}{{"-v", syscall.SIGTERM}, {"-v", syscall.SIGHUP}, {"-p", syscall.SIGHUP}} {
		c := startLog(t, logCommand(t, tt.option, "1"))
		c.says(t, "one\n")
		if err := c.Process.Signal(tt.sig); err != nil {
			t.Fatal(err)
		}
		c.wait(t)
	}
}

// With -p a SIGTERM changes nothing: the end of the input is what ends it.
func TestLogIsProtected(t *testing.T) {
	c := startLog(t, logCommand(t, "-bp", "1"))
	c.says(t, "one\n")
	for i := range 3 {
		if err := c.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		c.says(t, "line "+strconv.Itoa(i)+"\n")
	}
	c.in.Close()
	c.wait(t)
}

// The newline on the descriptor of -d comes when the directory is in use.
func TestLogNotifies(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cmd := logCommand(t, "-d3", dir)
	cmd.ExtraFiles = []*os.File{w}
	c := startLog(t, cmd)
	w.Close()
	if line, err := bufio.NewReader(r).ReadString('\n'); line != "\n" {
		t.Fatalf("got %q: %v", line, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "current")); err != nil {
		t.Error(err)
	}
	if out, err := exec.Command("s6-log", dir).CombinedOutput(); err == nil {
		t.Errorf("s6-log takes a directory in use: %s", out)
	}
	c.in.Close()
	c.wait(t)
}

// Files get their modes less the umask, as those of s6-log.
func TestLogHonoursUmask(t *testing.T) {
	modes := func(program string, args ...string) (modes string) {
		dir := filepath.Join(t.TempDir(), "log")
		cmd := exec.Command("sh", append([]string{"-c", `umask 077; exec "$@"`, "sh", program}, append(args, dir)...)...)
		cmd.Env = append(os.Environ(), logEnv+"=1", "GORACE=atexit_sleep_ms=0")
		cmd.Stdin = strings.NewReader("a\n")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		for _, name := range []string{".", "current", "lock", "state"} {
			info, err := os.Stat(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			modes += name + " " + info.Mode().String() + "\n"
		}
		return modes
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := modes(self), modes("s6-log"); got != want {
		t.Errorf("got\n%s\ns6-log:\n%s", got, want)
	}
}
