//go:build linux

package s6

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sandwright/sandwright/internal/loop"
)

// patience is how long a test waits for what should come at once.
const patience = 20 * time.Second

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// An owner runs the loop of a test's services.
type owner struct {
	t      *testing.T
	loop   *loop.Loop
	poller *Poller
	mu     sync.Mutex
	said   []string
}

// own starts a loop that lasts as long as the test. It reaps only the children
// of services: the test has others.
func own(t *testing.T) *owner {
	t.Helper()
	o := &owner{t: t, loop: loop.New()}
	var err error
	if o.poller, err = NewPoller(o.loop); err != nil {
		t.Fatal(err)
	}
	deaths, stop, done := make(chan os.Signal, 1), make(chan bool), make(chan bool)
	signal.Notify(deaths, syscall.SIGCHLD)
	go func() {
		defer close(done)
		for {
			select {
			case event := <-o.loop.Events():
				event()
			case <-deaths:
				o.loop.Reap(o.reap)
			case <-stop:
				return
			}
		}
	}()
	t.Cleanup(func() {
		signal.Stop(deaths)
		o.poller.Close()
		close(stop)
		<-done
		o.loop.Close()
	})
	return o
}

// reap is Wait4 for what the loop knows.
func (o *owner) reap() (int, syscall.WaitStatus, bool) {
	children, _ := filepath.Glob("/proc/self/task/*/children")
	for _, path := range children {
		text, _ := os.ReadFile(path)
		for _, word := range strings.Fields(string(text)) {
			pid, _ := strconv.Atoi(word)
			var status syscall.WaitStatus
			if !o.loop.Watched(pid) {
				continue
			}
			if got, err := syscall.Wait4(pid, &status, syscall.WNOHANG, nil); err == nil && got == pid {
				return pid, status, true
			}
		}
	}
	return 0, 0, false
}

// do runs f in the loop.
func (o *owner) do(f func()) {
	done := make(chan bool)
	o.loop.Post(func() { f(); close(done) })
	<-done
}

func (o *owner) say(line string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.said = append(o.said, line)
}

func (o *owner) hasSaid(text string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.Contains(strings.Join(o.said, "\n"), text)
}

// open opens a service, and ends it with the test.
func (o *owner) open(dir string, change func(*Options)) *Service {
	o.t.Helper()
	options := Options{Name: "x", Loop: o.loop, Poller: o.poller, Say: o.say, Host: &System{Stdin: 0, Stdout: 1, Stderr: 2, Env: os.Environ()}}
	if change != nil {
		change(&options)
	}
	var s *Service
	var err error
	o.do(func() { s, err = Open(dir, options) })
	if err != nil {
		o.t.Fatal(err)
	}
	o.t.Cleanup(func() {
		o.do(s.Terminate)
		o.until(s, "its end", func(State) bool { s.Kill(); return s.state.Phase == Left })
	})
	return s
}

// until waits until a service's state is as is says, which runs in the loop.
func (o *owner) until(s *Service, what string, is func(State) bool) (last State) {
	o.t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		ok := false
		o.do(func() { last = s.State(); ok = is(last) })
		if ok {
			return last
		}
		if time.Now().After(end) {
			o.t.Fatalf("no %s after %s: %+v, said %q", what, patience, last, o.said)
		}
	}
}

func isUp(s State) bool   { return s.Phase == Up }
func isDown(s State) bool { return s.Phase == Down }

// service makes a service directory.
func service(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o755)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const sleeps = "#!/bin/sh\nexec sleep 1000\n"

// s6 runs a client and gives its output and exit code.
func s6(args ...string) string {
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return err.Error()
	}
	if exit != nil {
		return fmt.Sprintf("%s= %d", out, exit.ExitCode())
	}
	return string(out)
}

// One that is held begins down without a down file, and its owner says when.
func TestHeld(t *testing.T) {
	o := own(t)
	dir := service(t, map[string]string{"run": sleeps})
	s := o.open(dir, func(o *Options) { o.Held = true })
	if st := o.until(s, "rest", isDown); st.Wanted || st.PID != 0 || !st.Ready {
		t.Errorf("%+v", st)
	}
	if got := s6("s6-svstat", "-o", "up,wantedup,normallyup", dir); got != "false false true\n" {
		t.Errorf("s6-svstat: %s", got)
	}
	o.do(s.Up)
	first := o.until(s, "start", isUp)
	if first.Restarts != 0 || first.PID == 0 {
		t.Errorf("%+v", first)
	}
	o.do(s.Restart)
	again := o.until(s, "restart", func(s State) bool { return s.Phase == Up && s.PID != first.PID })
	if again.Restarts != 1 || again.Wait.Signal() != syscall.SIGTERM {
		t.Errorf("%+v", again)
	}
	o.do(s.Down)
	o.until(s, "end", isDown)
}

// Nobody else takes a directory that is taken, and one that is left is free.
func TestSupervised(t *testing.T) {
	o := own(t)
	dir := service(t, map[string]string{"run": sleeps, "down": ""})
	exited := make(chan bool, 1)
	s := o.open(dir, func(o *Options) { o.Exited = func(*Service) { exited <- true } })
	o.do(func() {
		if _, err := Open(dir, Options{Name: "y", Loop: o.loop, Poller: o.poller}); !errors.Is(err, ErrSupervised) {
			t.Errorf("got %v", err)
		}
	})
	if got := s6("s6-supervise", dir); !strings.HasSuffix(got, "= 100") {
		t.Errorf("s6-supervise: %s", got)
	}
	if got := s6("s6-svok", dir) + s6("s6-svc", "-x", dir); got != "" {
		t.Errorf("s6-svok and s6-svc: %s", got)
	}
	<-exited
	if got := s6("s6-svok", dir); got != "= 1" {
		t.Errorf("s6-svok: %s", got)
	}
	if st := o.until(s, "end", func(s State) bool { return s.Phase == Left }); st.PID != 0 {
		t.Errorf("%+v", st)
	}
	o.do(func() { s.Control('u'); s.Leave(); s.Terminate(); s.Close(); s.Kill() })
}

// What a killed supervisor has left is ended before anything is started, also
// if it does not want to be.
func TestLeftover(t *testing.T) {
	for name, script := range map[string]string{
		"gentle":   "echo $$ >>pids; exec sleep 1000",
		"stubborn": "trap '' TERM; echo $$ >>pids; while :; do sleep 0.1; done",
		"paused":   "echo $$ >>pids; kill -STOP $$; sleep 1000",
	} {
		t.Run(name, func(t *testing.T) {
			o := own(t)
			dir := service(t, map[string]string{"run": "#!/bin/sh\n" + script + "\n"})
			first := o.open(dir, nil)
			o.eventually("pid", func() bool { return len(words(dir, "pids")) == 1 })
			left := o.until(first, "start", isUp).PID
			// As if it was killed: nothing of it goes on but the process, which
			// somebody else reaps.
			o.do(first.Close)
			second := o.open(dir, func(o *Options) { o.Grace = 300 * time.Millisecond })
			if st := second.state; !strings.Contains(st.Reason, strconv.Itoa(left)) || st.Phase != Down {
				t.Errorf("%+v", st)
			}
			got := o.until(second, "start", isUp)
			if runs(left, mustStart(left)) || got.PID == left {
				t.Errorf("process %d still runs, and %d", left, got.PID)
			}
			if !o.hasSaid(fmt.Sprintf("x: ending process %d, which an earlier supervisor has left", left)) {
				t.Errorf("said %q", o.said)
			}
		})
	}
}

func mustStart(pid int) uint64 {
	ticks, _ := startOf(pid)
	return ticks
}

func words(dir, name string) []string {
	text, _ := os.ReadFile(filepath.Join(dir, name))
	return strings.Fields(string(text))
}

func (o *owner) eventually(what string, is func() bool) {
	o.t.Helper()
	for end := time.Now().Add(patience); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			o.t.Fatalf("no %s after %s, said %q", what, patience, o.said)
		}
	}
}

// A record of a process that is gone, of one whose number is another's by now,
// and one that is no record, end nobody.
func TestRecordOfAnother(t *testing.T) {
	self := os.Getpid()
	since, ok := startOf(self)
	if !ok {
		t.Fatal("this process has no start")
	}
	for _, record := range []string{"", "x", "1 1", "-1 5", fmt.Sprint(self, " ", since+1), fmt.Sprintf("%d-%d", self, since), "999999999 5", fmt.Sprint(self, " ", since, " 7")} {
		o := own(t)
		dir := service(t, map[string]string{"run": sleeps, recordFile: record})
		s := o.open(dir, nil)
		if st := o.until(s, "start", isUp); st.Reason != "" {
			t.Errorf("%q: %+v", record, st)
		}
	}
}

// The command o while a leftover ends is not forgotten, and d takes it back.
func TestLeftoverAndCommands(t *testing.T) {
	o := own(t)
	dir := service(t, map[string]string{"run": "#!/bin/sh\ntrap '' TERM\necho $$ >>pids\nwhile :; do sleep 0.05; done\n"})
	for i, commands := range []string{"o", "od", "du"} {
		first := o.open(dir, nil)
		o.eventually("pid", func() bool { return len(words(dir, "pids")) == 1 })
		o.do(first.Close)
		second := o.open(dir, func(o *Options) { o.Grace, o.Held = 200*time.Millisecond, true })
		o.do(func() {
			for _, c := range commands {
				second.Control(byte(c))
			}
		})
		st := o.until(second, "end of the leftover", func(s State) bool { return s.Reason == "" })
		if up := st.Phase == Up; up != (i != 1) {
			t.Errorf("after %s: %+v", commands, st)
		}
		o.do(func() { second.Terminate(); second.Kill() })
		o.until(second, "its end", func(s State) bool { second.Kill(); return s.Phase == Left })
		os.Remove(filepath.Join(dir, "pids"))
	}
}

// What cannot be started says why, once, and is tried again.
func TestCannotStart(t *testing.T) {
	for text, want := range map[string]string{
		"":                         "cannot start run: exec format error",
		"#!/nonexistent/program\n": "cannot start run: its interpreter is missing: no such file or directory",
	} {
		o := own(t)
		s := o.open(service(t, map[string]string{"run": text}), nil)
		st := o.until(s, "reason", func(s State) bool { return s.Reason != "" })
		if st.Reason != want || st.Phase != Down || !st.Wanted || time.Until(st.Next) < 5*time.Second {
			t.Errorf("%q: %+v", text, st)
		}
		if !o.hasSaid("x: " + want + "; trying again after 10s") {
			t.Errorf("said %q", o.said)
		}
	}
}

// Kill reaches the whole group of what runs.
func TestKill(t *testing.T) {
	o := own(t)
	dir := service(t, map[string]string{"run": "#!/bin/sh\nsleep 1000 &\necho $! >pids\nwait\n", "finish": "#!/bin/sh\necho $2 >finished\nexec sleep 1000\n", "timeout-finish": "0"})
	s := o.open(dir, nil)
	o.eventually("pid", func() bool { return len(words(dir, "pids")) == 1 })
	child, err := strconv.Atoi(words(dir, "pids")[0])
	if err != nil {
		t.Fatal(err)
	}
	o.do(s.Kill)
	o.eventually("end of the child", func() bool { _, alive := startOf(child); return !alive })
	o.eventually("finish", func() bool { return len(words(dir, "finished")) == 1 })
	o.do(func() { s.Down(); s.Kill() })
	if st := o.until(s, "end", isDown); st.Wait.Signal() != syscall.SIGKILL {
		t.Errorf("%+v", st)
	}
}

// A service that holds lock-fd's lock in a stray process is not started twice.
func TestLockFD(t *testing.T) {
	o := own(t)
	dir := service(t, map[string]string{"run": "#!/bin/sh\nsetsid sleep 1000 &\necho $! >>pids\nexit 0\n", "lock-fd": "5"})
	s := o.open(dir, nil)
	st := o.until(s, "wait", func(s State) bool { return s.Reason != "" })
	if st.Reason != "another process holds its lock-fd" || len(words(dir, "pids")) != 1 {
		t.Errorf("%+v", st)
	}
	stray, err := strconv.Atoi(words(dir, "pids")[0])
	if err != nil {
		t.Fatal(err)
	}
	kill := func(pid int) { _ = syscall.Kill(pid, syscall.SIGKILL) }
	kill(stray)
	o.eventually("second run", func() bool { return len(words(dir, "pids")) > 1 })
	o.do(s.Down)
	o.until(s, "end", isDown)
	for _, word := range words(dir, "pids") {
		pid, _ := strconv.Atoi(word)
		kill(pid)
	}
}

// Many restarts leave nothing open.
func TestManyRestarts(t *testing.T) {
	o := own(t)
	dir := service(t, map[string]string{"run": "#!/bin/sh\necho >&3\n", "notification-fd": "3", "lock-fd": "4", "max-death-tally": "3"})
	s := o.open(dir, nil)
	o.until(s, "first end", func(s State) bool { return s.Phase == Down })
	before := descriptors(t)
	for i := range 200 {
		o.do(func() { s.Control('o') })
		o.until(s, "end", func(s State) bool { return s.Phase == Down && s.Restarts > i })
	}
	if after := descriptors(t); after > before+2 {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
	if got := s6("s6-svdt", dir); strings.Count(got, "exitcode 0") != 3 {
		t.Errorf("s6-svdt: %s", got)
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

// Directories that cannot be used are refused, and nothing stays open.
func TestOpenRefuses(t *testing.T) {
	o := own(t)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	before := descriptors(t)
	for want, dir := range map[string]string{
		"cannot open /nonexistent: no such file or directory": "/nonexistent",
		"cannot open " + file + ": not a directory":           file,
		"cannot open supervise/control of x: not a FIFO":      service(t, map[string]string{"supervise/control": ""}),
		"cannot lock supervise/lock of x: not a directory":    service(t, map[string]string{"supervise": ""}),
	} {
		o.do(func() {
			_, err := Open(dir, Options{Name: "x", Loop: o.loop, Poller: o.poller})
			if err == nil || err.Error() != want {
				t.Errorf("got %v, want %s", err, want)
			}
		})
	}
	if after := descriptors(t); after != before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}
