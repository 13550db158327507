//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sandwright/sandwright/internal/control"
	"github.com/sandwright/sandwright/internal/spec"
)

// patience is how long a test waits for what should come at once.
const patience = 20 * time.Second

// binaryEnv names the binary under test, which TestMain builds.
const binaryEnv = "SANDWRIGHT_INIT_UNDER_TEST"

const noSleep = "atexit_sleep_ms=0"

func TestMain(m *testing.M) {
	code, err := buildAndRun(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// buildAndRun builds the binary with the race detector, which makes it tell of
// races on its stderr.
func buildAndRun(m *testing.M) (int, error) {
	dir, err := os.MkdirTemp("", "sandwright-init")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "sandwright-init")
	if out, err := exec.Command("go", "build", "-race", "-o", binary, ".").CombinedOutput(); err != nil {
		return 1, fmt.Errorf("go build: %w: %s", err, out)
	}
	// By default a binary with the race detector takes a second to end.
	if err := errors.Join(os.Setenv(binaryEnv, binary), os.Setenv("GORACE", noSleep)); err != nil {
		return 1, err
	}
	code := m.Run()
	return code, goleak.Find()
}

// A place is where the supervisor runs.
type place string

const (
	pid1      place = "pid 1"
	subreaper place = "subreaper"
)

// inBothPlaces runs test as PID 1 and as a child subreaper.
func inBothPlaces(t *testing.T, test func(t *testing.T, p place)) {
	for _, p := range []place{pid1, subreaper} {
		t.Run(string(p), func(t *testing.T) {
			t.Parallel()
			test(t, p)
		})
	}
}

// A box is a running supervisor and a client of it.
type box struct {
	*control.Client
	t      *testing.T
	dir    string
	socket string
	cmd    *exec.Cmd
	pid    int // of the supervisor, as this test sees it
	stderr *buffer
	exit   chan error
}

// buffer is a bytes.Buffer for two goroutines.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// An option changes a box before it starts.
type option func(b *box)

// withArgs adds arguments and the descriptors they speak of, 3 and up.
func withArgs(files []*os.File, args ...string) option {
	return func(b *box) {
		b.cmd.Args = append(b.cmd.Args, args...)
		b.cmd.ExtraFiles = files
	}
}

func withEnv(env ...string) option {
	return func(b *box) { b.cmd.Env = append(env, "GORACE="+noSleep) }
}

// inDir gives every service the box's folder as $DIR.
func inDir(b *box) {
	b.rewriteWith(func(s *spec.Spec) { s.Env["DIR"] = b.dir })
}

// rewrite puts another spec in the place of the box's.
func (b *box) rewrite(next spec.Spec) {
	b.rewriteWith(func(s *spec.Spec) { s.Services, s.Main = next.Services, next.Main })
}

func (b *box) rewriteWith(change func(*spec.Spec)) {
	b.t.Helper()
	path := filepath.Join(b.dir, "spec.json")
	data, err := os.ReadFile(path)
	if err != nil {
		b.t.Fatal(err)
	}
	s, err := spec.Decode(data)
	if err != nil {
		b.t.Fatal(err)
	}
	change(&s)
	if data, err = spec.Encode(s); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// write makes a file in the box's folder.
func (b *box) write(name, text string) {
	b.t.Helper()
	if err := os.WriteFile(filepath.Join(b.dir, name), []byte(text), 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// start runs the supervisor and waits until it answers.
func start(t *testing.T, p place, s spec.Spec, options ...option) *box {
	t.Helper()
	b := prepare(t, p, s, options...)
	if err := b.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { b.exit <- b.cmd.Wait() }()
	t.Cleanup(b.finish)
	b.eventually("an answer", func() bool {
		_, err := b.Status(t.Context())
		return err == nil
	})
	b.pid = b.cmd.Process.Pid
	if p == pid1 {
		b.pid = onlyChild(t, b.pid)
	}
	return b
}

// prepare makes a box that has not been started.
func prepare(t *testing.T, p place, s spec.Spec, options ...option) *box {
	t.Helper()
	dir := t.TempDir()
	b := &box{t: t, dir: dir, socket: filepath.Join(dir, "run", "s"), stderr: &buffer{}, exit: make(chan error, 1)}
	s.Version, s.Name, s.LogDir = spec.Version, "box", filepath.Join(dir, "log")
	if s.Env == nil {
		s.Env = map[string]string{"PATH": os.Getenv("PATH")}
	}
	data, err := spec.Encode(s)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "spec.json"), data, 0o644); err != nil {
		t.Fatal(err)
	}
	args := []string{os.Getenv(binaryEnv), "--spec", filepath.Join(dir, "spec.json"), "--socket", b.socket}
	if p == pid1 {
		args = append([]string{"unshare", "--pid", "--fork", "--mount-proc", "--kill-child"}, args...)
	}
	b.cmd = exec.Command(args[0], args[1:]...)
	b.cmd.Stderr = b.stderr
	// A stray that holds stderr must not hold up the test.
	b.cmd.WaitDelay = patience
	b.Client = control.New(func(ctx context.Context) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", b.socket)
	})
	for _, o := range options {
		o(b)
	}
	return b
}

// finish ends the box, and fails the test if it had to be killed.
func (b *box) finish() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := b.Shutdown(ctx); err == nil {
		select {
		case <-b.exit:
		case <-time.After(patience):
			b.t.Error("did not end")
			_ = b.cmd.Process.Kill()
		}
	}
	if out := b.stderr.String(); strings.Contains(out, "DATA RACE") || strings.Contains(out, "panic") || b.t.Failed() {
		b.t.Logf("stderr:\n%s", tail(out))
		if !b.t.Failed() {
			b.t.Error("the supervisor is at fault")
		}
	}
}

// ends waits for the supervisor to end, and gives its exit code.
func (b *box) ends() int {
	b.t.Helper()
	select {
	case err := <-b.exit:
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			return exit.ExitCode()
		}
		if err != nil {
			b.t.Fatal(err)
		}
		return 0
	case <-time.After(patience):
		b.t.Fatalf("did not end; stderr:\n%s", b.stderr)
		return -1
	}
}

// onlyChild is the process that unshare has made.
func onlyChild(t *testing.T, pid int) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	child, atoi := strconv.Atoi(strings.TrimSpace(string(text)))
	if err := errors.Join(err, atoi); err != nil {
		t.Fatalf("this test needs unshare and root: %v", err)
	}
	return child
}

// eventually waits until what is true.
func (b *box) eventually(what string, is func() bool) {
	b.t.Helper()
	b.eventuallyWithin(patience, what, is)
}

// eventuallyWithin is for what takes its time.
func (b *box) eventuallyWithin(d time.Duration, what string, is func() bool) {
	b.t.Helper()
	for end := time.Now().Add(d); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			b.t.Fatalf("no %s after %s; stderr:\n%s", what, d, tail(b.stderr.String()))
		}
	}
}

// tail is the end of a text that may be long.
func tail(text string) string { return text[max(0, len(text)-4<<10):] }

// service is where one service stands.
func (b *box) service(name string) spec.ServiceStatus {
	b.t.Helper()
	status, err := b.Status(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	return find(b.t, status, name)
}

func find(t *testing.T, status spec.Status, name string) spec.ServiceStatus {
	t.Helper()
	for _, s := range status.Services {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("no service %s in %+v", name, status)
	return spec.ServiceStatus{}
}

// until waits for a service to be in a state, however short.
func (b *box) until(name string, state spec.State) spec.ServiceStatus {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), patience)
	defer cancel()
	var last spec.ServiceStatus
	err := b.Events(ctx, func(s spec.Status) error {
		if last = find(b.t, s, name); last.State == state {
			return io.EOF
		}
		return nil
	})
	if !errors.Is(err, io.EOF) {
		b.t.Fatalf("%s is %s %q, not %s: %v; stderr:\n%s", name, last.State, last.Reason, state, err, b.stderr)
	}
	return last
}

// settled waits until it is known whether all is ready.
func (b *box) settled() spec.Status {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), patience)
	defer cancel()
	status, err := b.Wait(ctx)
	if err != nil {
		b.t.Fatalf("%v; stderr:\n%s", err, b.stderr)
	}
	return status
}

// log is what a service has written, without stamps.
func (b *box) log(name string) string {
	b.t.Helper()
	text, err := os.ReadFile(filepath.Join(b.dir, "log", name, "current"))
	// While a file is rotated, there is none for a moment.
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		b.t.Fatal(err)
	}
	var out strings.Builder
	for line := range strings.Lines(string(text)) {
		_, said, _ := strings.Cut(line, "  ")
		out.WriteString(said)
	}
	return out.String()
}

// logs waits until a service has written text.
func (b *box) logs(name, text string) {
	b.t.Helper()
	for end := time.Now().Add(patience); !strings.Contains(b.log(name), text); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			b.t.Fatalf("%s has not logged %q after %s, but:\n%s", name, text, patience, b.log(name))
		}
	}
}

// tells waits until the supervisor has said text.
func (b *box) tells(text string) {
	b.t.Helper()
	b.eventually(text, func() bool { return strings.Contains(b.stderr.String(), text) })
}

// sh is a service that runs a shell script.
func sh(name, script string, change ...func(*spec.Service)) spec.Service {
	svc := spec.Service{
		Name: name, Command: []string{"/bin/sh", "-c", script},
		Restart: spec.Restart{Policy: spec.Always, MinDelay: spec.Duration(50 * time.Millisecond), MaxDelay: spec.Duration(time.Second)},
		Stop:    spec.Stop{Timeout: spec.Duration(5 * time.Second)},
		Logs:    spec.Rotation{MaxFiles: 3, MaxBytes: 1 << 20, Stamp: "iso8601"},
	}
	for _, c := range change {
		c(&svc)
	}
	return svc
}

func box1(services ...spec.Service) spec.Spec { return spec.Spec{Services: services} }

func after(name string, c spec.Condition) func(*spec.Service) {
	return func(s *spec.Service) { s.After = map[string]spec.Condition{name: c} }
}

func probed(p spec.Probe, deadline time.Duration) func(*spec.Service) {
	return func(s *spec.Service) {
		p.Interval, p.Deadline = spec.Duration(20*time.Millisecond), spec.Duration(deadline)
		s.Ready = &p
	}
}

func stopTimeout(d time.Duration) func(*spec.Service) {
	return func(s *spec.Service) { s.Stop.Timeout = spec.Duration(d) }
}

func policy(p spec.RestartPolicy) func(*spec.Service) {
	return func(s *spec.Service) { s.Restart.Policy = p }
}
