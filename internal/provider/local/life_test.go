//go:build linux

package local

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/provider"
)

// sh gives the output of a script run in the box as root.
func sh(t *testing.T, s provider.Sandbox, script string) string {
	t.Helper()
	var out bytes.Buffer
	code, err := s.Exec(t.Context(), provider.Exec{Argv: []string{"sh", "-c", script}, Root: true, Stdout: &out, Stderr: &out})
	if err != nil {
		t.Fatal(err)
	}
	if code != 0 {
		fmt.Fprintf(&out, "[exit code %d]", code)
	}
	return strings.TrimSpace(out.String())
}

// What wantNothing looks for is there while a sandbox runs, and no mount ever is.
func TestTracesWhileRunning(t *testing.T) {
	w := newWorld(t)
	s := w.start(t, config("traces"))
	sh(t, s, "sleep 1000 >/dev/null 2>&1 &")
	if n := len(w.processes()); n < 3 {
		t.Errorf("found %d processes; a shim, a supervisor and a sleep run", n)
	}
	if len(cgroupsLeft(t)) == 0 {
		t.Error("found no control group")
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil || bytes.Contains(mounts, []byte(w.options.StateDir)) {
		t.Errorf("a mount of the sandbox is seen on the host (%v)", err)
	}
	for _, kind := range []string{"pid", "mnt", "net", "ipc", "uts"} {
		if sameNamespace(t, kind, s.rec.Init) {
			t.Errorf("the box's %s namespace is the host's", kind)
		}
	}
	ns, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", s.rec.Init))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	links, _ := filepath.Glob("/proc/[0-9]*/ns/net")
	for _, link := range links {
		if other, _ := os.Readlink(link); other == ns {
			t.Errorf("%s still is the box's network", link)
		}
	}
}

func sameNamespace(t *testing.T, kind string, pid int) bool {
	t.Helper()
	own, err := os.Readlink("/proc/thread-self/ns/" + kind)
	if err != nil {
		t.Fatal(err)
	}
	other, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", pid, kind))
	return err == nil && own == other
}

// startOrphan runs a process that starts a sandbox and waits.
func (w world) startOrphan(t *testing.T) (*exec.Cmd, record) {
	t.Helper()
	argv := self(t, w.mark, "start", w.options.StateDir)
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var rec record
	if err := json.NewDecoder(out).Decode(&rec); err != nil {
		t.Fatal(err)
	}
	return cmd, rec
}

func TestKilledParentEndsSandbox(t *testing.T) {
	w := newWorld(t)
	cmd, _ := w.startOrphan(t)
	if all, err := w.List(t.Context()); err != nil || len(all) != 1 {
		t.Fatalf("list: %v, %v", all, err)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if err := eventually(func() bool {
		left, _ := os.ReadDir(w.options.StateDir)
		return len(left) == 0 && len(w.processes()) == 0
	}); err != nil {
		t.Errorf("the sandbox outlives the process that did not keep it: %v", err)
	}
}

func TestKilledParentInTheMidst(t *testing.T) {
	w := newWorld(t)
	for delay := range 6 {
		argv := self(t, w.mark, "start", w.options.StateDir)
		cmd := exec.Command(argv[0], argv[1:]...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(delay*40) * time.Millisecond)
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if err := eventually(func() bool {
			left, _ := os.ReadDir(w.options.StateDir)
			return len(left) == 0 && len(w.processes()) == 0
		}); err != nil {
			t.Errorf("killed after %d ms: %v", delay*40, err)
		}
	}
}

func TestKeptSandboxOutlivesParent(t *testing.T) {
	w := newWorld(t)
	s := w.start(t, config("kept"))
	if err := s.Keep(); err != nil {
		t.Fatal(err)
	}
	s.line.drop() // as the kernel does when this process ends
	time.Sleep(200 * time.Millisecond)
	if got := sh(t, s, "hostname"); got != "kept" {
		t.Errorf("hostname %q", got)
	}
}

func TestKilledShimTakesBoxAlong(t *testing.T) {
	w := newWorld(t)
	s := w.start(t, config("shimless"))
	sh(t, s, "sleep 1000 >/dev/null 2>&1 & touch /file")
	_ = unix.Kill(s.rec.Shim.PID, unix.SIGKILL)
	var status unix.WaitStatus
	if _, err := unix.Wait4(s.rec.Shim.PID, &status, 0, nil); err != nil {
		t.Fatal(err)
	}
	if err := eventually(func() bool { return len(w.processes()) == 0 }); err != nil {
		t.Errorf("processes %v outlive their shim: %v", w.processes(), err)
	}
	if len(cgroupsLeft(t)) == 0 {
		t.Error("nothing to clear: this test tests nothing")
	}
	if all, err := w.List(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("list: %v, %v", all, err)
	}
	w.wantNothing(t)
	if err := s.Stop(t.Context()); err != nil {
		t.Errorf("stop of a dead one: %v", err)
	}
}

func TestSupervisorThatDies(t *testing.T) {
	w := newWorld(t)
	s := w.start(t, config("dying"))
	if err := s.Keep(); err != nil {
		t.Fatal(err)
	}
	_ = unix.Kill(s.rec.Init, unix.SIGKILL)
	if err := eventually(func() bool { return !s.place.held() }); err != nil {
		t.Error(err)
	}
	if _, err := w.Find(t.Context(), config("").Project, "dying"); !errors.Is(err, provider.ErrNotFound) {
		t.Errorf("find: %v", err)
	}
	_, _ = unix.Wait4(s.rec.Shim.PID, nil, 0, nil)
}

func TestSupervisorThatDoesNotStart(t *testing.T) {
	for _, c := range []struct {
		behave, what, hint string
		code               int
	}{
		{"fault", "sandwright.yaml:3:5: cannot start: variable TOKEN is not set", "run: export TOKEN=…", fault.ExitConfig},
		{"crash", "cannot start the sandbox: its supervisor ended with exit code 2", "", 2},
	} {
		t.Run(c.behave, func(t *testing.T) {
			w := newWorld(t)
			cfg := config("broken")
			cfg.Values = map[string]string{"BEHAVE": c.behave}
			_, err := w.Start(t.Context(), cfg)
			faults := fault.All(err)
			if len(faults) != 1 || !strings.HasPrefix(faults[0].Error(), c.what) || faults[0].Hint != c.hint || faults[0].Code != c.code {
				t.Errorf("got %+v", faults)
			}
			w.wantNothing(t)
		})
	}
}

func TestSupervisorThatNeverAnswers(t *testing.T) {
	w := newWorld(t)
	cfg := config("silent")
	cfg.Values = map[string]string{"BEHAVE": "silent"}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := w.Start(ctx, cfg); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("start: %v", err)
	}
}

func TestSupervisorThatDoesNotStop(t *testing.T) {
	w := newWorld(t)
	cfg := config("stubborn")
	cfg.Values, cfg.StopTimeout = map[string]string{"BEHAVE": "stubborn"}, 300*time.Millisecond
	s := w.start(t, cfg)
	begin := time.Now()
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begin); took < 300*time.Millisecond || took > 30*time.Second {
		t.Errorf("stopped after %v", took)
	}
}

func TestRuntimeThatFails(t *testing.T) {
	w := newWorld(t)
	cfg := config("no-init")
	cfg.Rootfs.Lower = []string{t.TempDir()}
	_, err := w.Start(t.Context(), cfg)
	if err == nil || !strings.Contains(err.Error(), "no such file or directory") || !strings.Contains(err.Error(), "sandwright-init") {
		t.Errorf("an image without a supervisor: %v", err)
	}
}

func TestWhatCannotStart(t *testing.T) {
	l := New(Options{StateDir: t.TempDir(), Runtime: "no-such-runtime"})
	_, err := l.Start(t.Context(), provider.Config{Name: "../up", Rootfs: provider.Rootfs{Lower: []string{"/nowhere"}}})
	var got []string
	for _, f := range fault.All(err) {
		got = append(got, f.Error())
	}
	want := []string{
		"cannot start a sandbox: cannot find no-such-runtime",
		`cannot use "../up" as the name of a sandbox: it takes 1 to 63 of a-z, 0-9, dot, dash and underscore`,
		"cannot start a sandbox: its layer /nowhere is no directory",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestStartNeedsRoot(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	copyTo := filepath.Join(dir, "test")
	if out, err := exec.Command("cp", exe, copyTo).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for d := dir; d != "/"; d = filepath.Dir(d) {
		if info, err := os.Stat(d); err == nil && info.Mode()&0o001 == 0 {
			_ = os.Chmod(d, info.Mode()|0o011)
		}
	}
	cmd := exec.Command(copyTo, "start", "/nowhere")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "it takes root") {
		t.Errorf("%v: %s", err, out)
	}
}

// What this process ignores is not ignored in the box.
func TestSignalsAreAsUsual(t *testing.T) {
	w := newWorld(t)
	s := w.start(t, config("signals"))
	for _, pid := range []string{"1", "self"} {
		var out bytes.Buffer
		argv := []string{"cat", "/proc/" + pid + "/status"}
		if _, err := s.Exec(t.Context(), provider.Exec{Argv: argv, Root: true, Stdout: &out}); err != nil {
			t.Fatal(err)
		}
		// 32 and 33 are the C library's own: nobody but it can set them.
		_, mask, _ := strings.Cut(out.String(), "SigIgn:\t")
		ignored, err := strconv.ParseUint(strings.SplitN(mask, "\n", 2)[0], 16, 64)
		if err != nil || ignored&^(3<<31) != 0 {
			t.Errorf("process %s ignores signals:\n%s", pid, &out)
		}
	}
}

// Commands that still run do not hold up the end, whenever it comes.
func TestStopUnderCommands(t *testing.T) {
	w := newWorld(t)
	for i := range 5 {
		s := w.start(t, config("hurried"))
		var running sync.WaitGroup
		for range 4 {
			running.Go(func() { _, _ = s.Exec(t.Context(), provider.Exec{Argv: []string{"sleep", "1000"}}) })
		}
		time.Sleep(time.Duration(i*5) * time.Millisecond)
		begin := time.Now()
		if err := s.Stop(t.Context()); err != nil {
			t.Error(err)
		}
		if took := time.Since(begin); took > 10*time.Second {
			t.Errorf("stop took %v", took)
		}
		running.Wait()
	}
}

func TestShimByHand(t *testing.T) {
	if err := RunShim(t.Context()); err == nil || !strings.Contains(err.Error(), "by hand") {
		t.Errorf("got %v", err)
	}
}

// What was started ahead is the sandbox's shim, or gone: also where it is killed
// meanwhile, and where there is nothing to start.
func TestWarm(t *testing.T) {
	w := newWorld(t)
	w.Warm()
	w.Warm()
	w.Cool()
	w.Cool()
	if left := w.processes(); len(left) > 0 {
		t.Errorf("processes %v are left", left)
	}
	w.Warm()
	defer w.Cool()
	ahead := w.warm.process.Pid
	if _, err := w.Start(t.Context(), provider.Config{Name: "nothing"}); err == nil {
		t.Error("a sandbox without layers started")
	}
	if s := w.start(t, config("warm")); s.rec.Shim.PID != ahead {
		t.Errorf("shim %d, not %d", s.rec.Shim.PID, ahead)
	}
	w.Warm()
	if err := w.warm.process.Kill(); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Start(t.Context(), config("cold")); err == nil || !strings.Contains(err.Error(), "its shim ended without a word") {
		t.Errorf("got %v", err)
	}
}

// replace must succeed.
func (w world) replace(t *testing.T, old provider.Sandbox, c provider.Config) provider.Sandbox {
	t.Helper()
	s, err := w.Replace(t.Context(), old, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(s.Stop(context.Background()), old.Stop(context.Background())); err != nil {
			t.Error(err)
		}
	})
	return s
}

// A sandbox takes the place of another of its name, with its port.
func TestReplace(t *testing.T) {
	w := newWorld(t)
	c := config("turned")
	c.Ports = []provider.Port{{Box: 80}}
	old := w.start(t, c)
	sh(t, old, "echo old >/file")
	c.Revision, c.Ports = "next", old.Info().Ports
	s := w.replace(t, old, c)
	if got := sh(t, s, "echo /f*"); got != "/f*" || s.Info().Revision != "next" {
		t.Errorf("%q, %+v", got, s.Info())
	}
}
