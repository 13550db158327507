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
	opened State // of the last service that was opened, as it was then
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
	o.do(func() {
		if s, err = Open(dir, options); err == nil {
			o.opened = s.state
		}
	})
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

func (o *owner) eventually(what string, is func() bool) {
	o.t.Helper()
	for end := time.Now().Add(patience); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			o.t.Fatalf("no %s after %s, said %q", what, patience, o.said)
		}
	}
}
