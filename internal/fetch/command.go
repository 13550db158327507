package fetch

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/sandwright/sandwright/internal/fault"
)

// A command is one program of the system that is run for its output.
type command struct {
	name     string
	args     []string
	dir      string
	env      []string     // over a small environment of its own
	line     func(string) // told each line of its standard error; may be nil
	out      io.Writer    // of its standard output; nil: collected
	isolated bool         // in mount, pid and network namespaces of its own; needs root
}

// run gives what the command wrote. When ctx or this process ends, so does
// the command's whole group, and run returns once nobody holds its streams.
func (c command) run(ctx context.Context) (string, error) {
	runtime.LockOSThread() // the command's life is bound to this thread
	defer runtime.UnlockOSThread()
	argv := append([]string{c.name}, c.args...)
	if c.isolated {
		argv = append([]string{"sh", "-c", `mount -t proc proc /proc && exec "$@"`, "sh"}, argv...)
	}
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = c.dir, append(cleanEnv(), c.env...)
	cmd.SysProcAttr = processGroup(c.isolated)
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 10 * time.Second
	var stdout bytes.Buffer
	cmd.Stdout = &stdout
	if c.out != nil {
		cmd.Stdout = c.out
	}
	tail := &tailWriter{line: c.line}
	cmd.Stderr = tail
	err := cmd.Run()
	if err == nil {
		return stdout.String(), nil
	}
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return "", &commandError{c.name, tail.text(), err}
	}
	return "", fmt.Errorf("%s: %w", c.name, err)
}

// A commandError is a program that failed, and its last words.
type commandError struct {
	name, said string
	err        error
}

func (e *commandError) Error() string {
	if e.said == "" {
		return fmt.Sprintf("%s ended with %v", e.name, e.err)
	}
	return fmt.Sprintf("%s says: %s", e.name, e.said)
}

func (e *commandError) Unwrap() error { return e.err }

// said is what a failed program wrote last, if err is one.
func said(err error) string {
	var ce *commandError
	if errors.As(err, &ce) {
		return ce.said
	}
	return ""
}

// cleanEnv is an environment without what apt, dpkg, perl and locales read.
func cleanEnv() []string {
	path := "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	env := []string{"PATH=" + path, "LC_ALL=C.UTF-8", "HOME=/root", "DEBIAN_FRONTEND=noninteractive"}
	for _, name := range []string{"http_proxy", "https_proxy", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// A tailWriter hands out lines and keeps the telling ones among the last.
type tailWriter struct {
	line func(string)
	rest []byte
	last []string
}

func (t *tailWriter) Write(p []byte) (int, error) {
	t.rest = append(t.rest, p...)
	for {
		i := bytes.IndexByte(t.rest, '\n')
		if i < 0 {
			return len(p), nil
		}
		t.take(string(t.rest[:i]))
		t.rest = t.rest[i+1:]
	}
}

func (t *tailWriter) take(line string) {
	line = strings.TrimSpace(line)
	if line == "" {
		return
	}
	if t.line != nil {
		t.line(line)
	}
	t.last = append(t.last, line)
	if len(t.last) > 40 {
		t.last = t.last[1:]
	}
}

// text is the lines that say error, or else the last one.
func (t *tailWriter) text() string {
	t.take(string(t.rest))
	var errs []string
	for _, line := range t.last {
		if strings.HasPrefix(line, "E: ") {
			errs = append(errs, strings.TrimPrefix(line, "E: "))
		}
	}
	if len(errs) == 0 && len(t.last) > 0 {
		errs = t.last[len(t.last)-1:]
	}
	return strings.Join(errs, "; ")
}

// needPrograms is a fault that names every package of Debian whose program is
// not installed.
func needPrograms(packages map[string]string) error {
	var faults fault.List
	for _, program := range []string{"apt-get", "dpkg-deb", "mmdebstrap"} {
		pkg, needed := packages[program]
		if _, err := exec.LookPath(program); needed && err != nil {
			faults = append(faults, fault.Cannot("find %s, which makes a Debian base", program).
				WithHint("on Debian or Ubuntu, run: apt-get install %s", pkg))
		}
	}
	return faults.Err()
}

// lines gives the lines of text.
func lines(text string) []string {
	var out []string
	for s := bufio.NewScanner(strings.NewReader(text)); s.Scan(); {
		out = append(out, s.Text())
	}
	return out
}
