package launch

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/spec"
)

func TestMain(m *testing.M) {
	Trampoline(os.Args)
	if err := KeepDescriptors(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if os.Geteuid() != 0 && os.Getenv(unprivileged) == "" {
		fmt.Fprintln(os.Stderr, "cannot test identities and limits: these tests need root")
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// unprivileged marks a run of these tests that has given up its privileges.
const unprivileged = "SANDWRIGHT_LAUNCH_UNPRIVILEGED"

// path is the environment that most programs here get.
var path = []string{"PATH=/usr/bin:/bin"}

// sh is a shell script as a command.
func sh(script string) Command { return Command{Argv: []string{"sh", "-c", script}, Env: path} }

func (c Command) as(name string) Command {
	c.User = &spec.User{Name: name, Lookup: true}
	return c
}

func (c Command) with(l spec.Limits) Command {
	c.Limits = l
	return c
}

// inBothWays runs a test with a program that needs the trampoline for nothing
// but itself, and with one that does not.
func inBothWays(t *testing.T, test func(t *testing.T, way func(Command) Command)) {
	t.Run("fork", func(t *testing.T) { test(t, func(c Command) Command { return c }) })
	t.Run("trampoline", func(t *testing.T) {
		test(t, func(c Command) Command {
			c.Limits.Umask = "0022"
			return c
		})
	})
}

// output starts a program, waits for its end and gives what it has written to
// its output and its errors.
func output(t *testing.T, c Command) string {
	t.Helper()
	text, status := outcome(t, c)
	if !status.Exited() || status.ExitStatus() != 0 {
		t.Errorf("%q ended with %v: %s", c.Argv, status, text)
	}
	return text
}

func outcome(t *testing.T, c Command) (string, syscall.WaitStatus) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	if c.Files == nil {
		c.Files = []uintptr{null.Fd(), w.Fd(), w.Fd()}
	} else {
		c.Files[1] = w.Fd()
	}
	pid, err := Start(c)
	w.Close()
	if err != nil {
		t.Fatalf("%q: %v", c.Argv, err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(pid, &status, 0, nil); err != nil {
		t.Fatal(err)
	}
	return string(text), status
}

// lines is output by lines.
func lines(t *testing.T, c Command) []string {
	t.Helper()
	return strings.Split(strings.TrimSuffix(output(t, c), "\n"), "\n")
}

// field is the value of one line of /proc/self/status, as the program sees it.
func field(t *testing.T, c Command, name string) string {
	t.Helper()
	c.Argv = []string{"cat", "/proc/self/status"}
	c.Env = path
	for _, line := range lines(t, c) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.Join(strings.Fields(value), " ")
		}
	}
	t.Fatalf("no %s", name)
	return ""
}

// openDir is a directory that every user can reach, unlike t.TempDir.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "launch")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func write(t *testing.T, file, text string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(file, mode); err != nil {
		t.Fatal(err)
	}
}

func ownLimit(t *testing.T, resource int) (l unix.Rlimit) {
	t.Helper()
	if err := unix.Getrlimit(resource, &l); err != nil {
		t.Fatal(err)
	}
	return l
}
