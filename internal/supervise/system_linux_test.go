package supervise

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sandwright/sandwright/internal/control"
	"github.com/sandwright/sandwright/internal/launch"
	"github.com/sandwright/sandwright/internal/loop"
	"github.com/sandwright/sandwright/internal/spec"
)

// TestMain makes this binary the trampoline of what the tests start, as
// sandwright-init is of its services: one is needed where, as under nohup, a
// signal is ignored.
func TestMain(m *testing.M) {
	launch.Trampoline(os.Args)
	goleak.VerifyTestMain(m)
}

// realSystem is this test process as a subreaper. Tests that use it do not run
// in parallel: it reaps every child there is.
func realSystem(t *testing.T) (*System, string) {
	t.Helper()
	dir := t.TempDir()
	y, err := NewSystem(spec.Spec{LogDir: dir}, Options{RunDir: t.TempDir(), Say: func(line string) { t.Errorf("said %q", line) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := y.Close(); err != nil {
			t.Error(err)
		}
	})
	return y, dir
}

// run1 starts a shell script.
func run1(t *testing.T, y *System, script string, change ...func(*spec.Service)) Process {
	t.Helper()
	svc := a("x", append(change, func(s *spec.Service) { s.Command = []string{"sh", "-c", script} })...)
	p, err := y.Launch(loop.New(), svc, []string{"PATH=" + os.Getenv("PATH")})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// reap waits for the death of one process.
func reap(t *testing.T, y *System, pid int) Death {
	t.Helper()
	late := time.After(10 * time.Second)
	for {
		for dead, status, ok := y.Reap(); ok; dead, status, ok = y.Reap() {
			if dead == pid {
				return Death{status}
			}
		}
		select {
		case <-y.Deaths():
		case <-late:
			t.Fatalf("process %d is not dead", pid)
		}
	}
}

// findings is what the probes of p find until there are n of them, or for d.
func findings(t *testing.T, p Process, d time.Duration, n int) []Finding {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	var found []Finding
	p.Watch(ctx, func(f Finding) {
		found = append(found, f)
		if len(found) == n {
			cancel()
		}
	})
	return found
}

func TestDeathsSayHow(t *testing.T) {
	y, _ := realSystem(t)
	for script, want := range map[string]string{
		"exit 0": "exited 0", "exit 3": "exited 3", "kill -9 $$": "killed by SIGKILL", "kill -s TERM $$": "killed by SIGTERM", "kill -40 $$": "killed by signal 40",
	} {
		p := run1(t, y, script)
		if d := reap(t, y, p.PID()); d.String() != want || d.OK() != (script == "exit 0") {
			t.Errorf("%s: %s", script, d)
		}
	}
}

// Flush does not wait for who else holds the pipe, and loses nothing that the
// process itself has written.
func TestFlushHasTheLastWords(t *testing.T) {
	y, dir := realSystem(t)
	p := run1(t, y, "setsid sleep 5 & echo out; echo err >&2; echo last")
	pid := p.PID()
	reap(t, y, pid)
	started := time.Now()
	p.Flush()
	if took := time.Since(started); took >= 2*flushTime {
		t.Errorf("took %s", took)
	}
	if got := p.LastOutput(); got != "last" && got != "err" {
		t.Errorf("last output %q", got)
	}
	text, err := os.ReadFile(filepath.Join(dir, "x", "current"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Fields(string(text))
	slices.Sort(lines)
	if got := strings.Join(lines, " "); got != "err last out" {
		t.Errorf("logged %q", got)
	}
	if !y.SignalRest(syscall.SIGKILL) {
		t.Error("the sleeping orphan is not ours")
	}
	for deadline := time.Now().Add(5 * time.Second); y.SignalRest(0) && time.Now().Before(deadline); {
		y.Reap()
	}
	if y.SignalRest(0) {
		t.Error("something is left")
	}
}

func TestSignalReachesTheGroup(t *testing.T) {
	y, _ := realSystem(t)
	p := run1(t, y, "sleep 100 & echo >&3; wait", func(s *spec.Service) { s.Ready = &spec.Probe{FD: 3} })
	found := findings(t, p, time.Minute, 2)
	if last := found[len(found)-1]; !last.OK || last.How != "newline on fd 3" {
		t.Fatalf("found %+v", found)
	}
	if !p.Signal(0) || !p.Signal(syscall.SIGKILL) {
		t.Error("no group")
	}
	reap(t, y, p.PID())
	for deadline := time.Now().Add(5 * time.Second); p.Signal(0); y.Reap() {
		if time.Now().After(deadline) {
			t.Fatal("its child has not been killed")
		}
	}
}

func TestReadyTellsWhyNotYet(t *testing.T) {
	y, _ := realSystem(t)
	for want, probe := range map[string]spec.Probe{
		"no newline on fd 4": {FD: 4},
		"GET http://127.0.0.1:1/x: no answer yet, GET http://127.0.0.1:1/x: connection refused": {HTTP: "http://127.0.0.1:1/x", Interval: spec.Duration(time.Hour)},
	} {
		p := run1(t, y, "exec sleep 100", func(s *spec.Service) { s.Ready = &probe })
		var told []string
		for _, f := range findings(t, p, 300*time.Millisecond, strings.Count(want, ",")+1) {
			told = append(told, f.Text())
		}
		if got := strings.Join(told, ", "); got != want {
			t.Errorf("told %q, want %q", got, want)
		}
		p.Signal(syscall.SIGKILL)
		reap(t, y, p.PID())
	}
}

// A launch that fails leaves no descriptor behind, and one that does not,
// none after its death.
func TestDescriptorsStayFlat(t *testing.T) {
	y, _ := realSystem(t)
	count := func() int {
		fds, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(fds)
	}
	run := func() {
		p := run1(t, y, "echo hello")
		reap(t, y, p.PID())
		p.Flush()
		if _, err := y.Launch(loop.New(), a("x", func(s *spec.Service) { s.Command = []string{"/nope"} }), nil); !errors.Is(err, syscall.ENOENT) {
			t.Fatal(err)
		}
	}
	run()
	before := count()
	for range 100 {
		run()
	}
	for deadline := time.Now().Add(5 * time.Second); count() > before; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d descriptors, %d before", count(), before)
		}
	}
}

// The real thing, once around: a crash, a restart on request, a shutdown.
func TestSupervisorOverRealProcesses(t *testing.T) {
	y, dir := realSystem(t)
	said := make(chan string, 100)
	marker := filepath.Join(dir, "crashed")
	services := []spec.Service{
		a("crash", func(s *spec.Service) {
			s.Command = []string{"sh", "-c", fmt.Sprintf("if [ ! -e %[1]s ]; then touch %[1]s; exit 7; fi; exec sleep 100", marker)}
			s.Restart.MinDelay = spec.Duration(10 * time.Millisecond)
		}),
		a("web", after("crash", spec.Ready), func(s *spec.Service) { s.Command = []string{"sleep", "100"} }),
	}
	sv, err := New(spec.Spec{Name: "box", LogDir: dir, Services: services}, nil, y, nil, func(line string) { said <- line })
	if err != nil {
		t.Fatal(err)
	}
	sv.chance = func() float64 { return 0 }
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		sv.Run(nil)
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for status := range sv.Watch(ctx) {
		if status.Ready && status.Services[0].Restarts == 1 {
			break
		}
	}
	got, err := sv.Do(ctx, control.Restart, "web")
	if err != nil || got.Restarts != 1 || got.State != spec.StateReady || got.Log != filepath.Join(dir, "web", "current") {
		t.Errorf("web: %+v, %v", got, err)
	}
	sv.Shutdown()
	<-ended
	close(said)
	var lines []string
	for line := range said {
		lines = append(lines, line)
	}
	if !slices.Contains(lines, "crash: exited 7, starting again in 10ms") || lines[len(lines)-1] != "crash: stopped" {
		t.Errorf("said %q", lines)
	}
}
