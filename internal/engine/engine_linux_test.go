package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/moby/buildkit/client/llb"
	"github.com/tonistiigi/fsutil"

	"github.com/sandwright/sandwright/internal/cgroup"
	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/redact"
)

// reopenRoot, set in the environment, makes the test binary build once there
// and say whether the step was cached: one process opens one root once.
const reopenRoot = "SANDWRIGHT_TEST_ENGINE_ROOT"

func TestMain(m *testing.M) {
	if os.Geteuid() != 0 {
		fmt.Fprintln(os.Stderr, "cannot run the engine's tests: they need root")
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// busybox is a tree with one static shell in it: the smallest base there is.
func busybox(t *testing.T) fsutil.FS {
	t.Helper()
	data, err := os.ReadFile("/bin/busybox")
	if err != nil {
		t.Fatalf("cannot find a static shell: %v; run: apt-get install busybox-static", err)
	}
	dir := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(dir, "bin"), 0o755))
	must(t, os.WriteFile(filepath.Join(dir, "bin/busybox"), data, 0o755))
	must(t, os.Symlink("busybox", filepath.Join(dir, "bin/sh")))
	must(t, os.Symlink("busybox", filepath.Join(dir, "bin/sleep")))
	fs, err := fsutil.NewFS(dir)
	must(t, err)
	return fs
}

// open opens an engine and checks, when the test ends, that nothing of it is left.
func open(t *testing.T, root string, log io.Writer) *Engine {
	t.Helper()
	return openOptions(t, root, Options{Progress: Progress{Out: log}})
}

func openOptions(t *testing.T, root string, opts Options) *Engine {
	t.Helper()
	must(t, os.MkdirAll(filepath.Join(root, "layout"), 0o755))
	opts.Root, opts.Layout = filepath.Join(root, "state"), filepath.Join(root, "layout")
	e, err := Open(t.Context(), opts, func() (map[string]bool, error) { return nil, nil })
	must(t, err)
	t.Cleanup(func() {
		if err := e.Close(context.Background()); err != nil {
			t.Errorf("close: %v", err)
		}
		mounts, err := os.ReadFile("/proc/self/mountinfo")
		if err != nil || strings.Contains(string(mounts), root) {
			t.Errorf("the engine left mounts below %s (%v):\n%s", root, err, mounts)
		}
		if groups, err := cgroup.Dirs(cgroupOf(e.opts.Root)); err != nil || len(groups) > 0 {
			t.Errorf("the engine left control groups %v, %v", groups, err)
		}
	})
	return e
}

// request runs a shell command in busybox.
func request(t *testing.T, run string) Request {
	t.Helper()
	base := llb.Scratch().File(llb.Copy(llb.Local("base"), "/", "/"))
	def, err := base.Run(llb.Args([]string{"/bin/sh", "-ec", run}), llb.Network(llb.NetModeNone)).Root().Marshal(t.Context(), llb.LinuxAmd64)
	must(t, err)
	return Request{Image: "image of " + run, Definition: def, Trees: map[string]fsutil.FS{"base": busybox(t)}}
}

func cached(res Result, name string) bool {
	for _, s := range res.Steps {
		if strings.Contains(s.Name, name) {
			return s.Cached
		}
	}
	return false
}

func TestSolveUnpacksAndCaches(t *testing.T) {
	var log bytes.Buffer
	e := open(t, t.TempDir(), &log)
	for _, want := range []bool{false, true} {
		res, err := e.Solve(t.Context(), request(t, "echo hello > /hello"))
		must(t, err)
		got, err := os.ReadFile(filepath.Join(res.Lower()[0], "hello"))
		must(t, err)
		if string(got) != "hello\n" {
			t.Errorf("the uppermost layer has %q", got)
		}
		if cached(res, "echo hello") != want {
			t.Errorf("cached is %t, want %t\n%s", !want, want, log.String())
		}
	}
	if !strings.Contains(log.String(), "echo hello > /hello") {
		t.Errorf("the display does not show the step:\n%s", log.String())
	}
}

// TestTheCacheOutlivesTheProcess, but not the machine when it stops in a build.
func TestTheCacheOutlivesTheProcess(t *testing.T) {
	if root := os.Getenv(reopenRoot); root != "" {
		res, err := open(t, root, os.Stdout).Solve(t.Context(), request(t, "echo again > /again"))
		must(t, err)
		fmt.Println("cached:", cached(res, "echo again"))
		return
	}
	root := t.TempDir()
	mark := filepath.Join(root, "state", writebackMark)
	for _, want := range []string{"cached: false", "cached: true", "the machine stopped while a build ran"} {
		cmd := exec.Command(os.Args[0], "-test.run=^TestTheCacheOutlivesTheProcess$")
		cmd.Env = append(os.Environ(), reopenRoot+"="+root)
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("want %q, got %v:\n%s", want, err, out)
		}
		if strings.Contains(want, "stopped") && !strings.Contains(string(out), "cached: false") {
			t.Errorf("what was half written is used:\n%s", out)
		}
		if _, err := os.Stat(mark); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a closed engine leaves its mark: %v", err)
		}
		if want == "cached: true" {
			must(t, os.WriteFile(mark, []byte("another start"), 0o600))
		}
	}
}

func TestAFailedStepSaysItsExitCode(t *testing.T) {
	var log bytes.Buffer
	_, err := open(t, t.TempDir(), &log).Solve(t.Context(), request(t, "echo broken pipe dream; exit 3"))
	if err == nil || !strings.Contains(err.Error(), "exit code 3 of: ") || fault.Code(err) != fault.ExitFailed {
		t.Errorf("got %v", err)
	}
	if !strings.Contains(log.String(), "broken pipe dream") || strings.Contains(log.String(), "did not complete") {
		t.Errorf("the display lacks the step's output, or has its whole command:\n%s", log.String())
	}
}

func TestCancelLeavesNoProcess(t *testing.T) {
	const step = "sleep 98765"
	// A cancelled solve returns while its steps still end; Close waits for them.
	t.Cleanup(func() {
		if running(t, step) {
			t.Error("the step's process outlived the cancelled build")
		}
	})
	e := open(t, t.TempDir(), io.Discard)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	go func() {
		for ctx.Err() == nil && !running(t, step) {
			time.Sleep(20 * time.Millisecond)
		}
		cancel()
	}()
	if _, err := e.Solve(ctx, request(t, step)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// A build whose process is killed leaves a step behind; the next one ends it.
func TestTheNextBuildClearsAfterAKill(t *testing.T) {
	if root := os.Getenv(reopenRoot); root != "" {
		_, _ = open(t, root, io.Discard).Solve(t.Context(), request(t, "sleep 43210"))
		return
	}
	root := t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run=^TestTheNextBuildClearsAfterAKill$")
	cmd.Env = append(os.Environ(), reopenRoot+"="+root, "TMPDIR="+t.TempDir()) // it cannot clear its own
	must(t, cmd.Start())
	for deadline := time.Now().Add(20 * time.Second); !running(t, "sleep 43210"); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the step never ran")
		}
	}
	must(t, cmd.Process.Kill())
	_ = cmd.Wait() // it was killed
	_, err := open(t, root, io.Discard).Solve(t.Context(), request(t, "echo repaired"))
	must(t, err)
	if running(t, "sleep 43210") {
		t.Error("the killed build's step still runs")
	}
}

func running(t *testing.T, args string) bool {
	t.Helper()
	out, err := exec.Command("ps", "-eo", "args").Output()
	if err != nil {
		t.Error(err)
	}
	return slices.Contains(strings.Split(string(out), "\n"), args)
}

func TestAHeldImageSurvivesCollection(t *testing.T) {
	e := open(t, t.TempDir(), io.Discard)
	r := request(t, "echo kept > /kept")
	res, err := e.Solve(t.Context(), r)
	must(t, err)
	kept := filepath.Join(res.Lower()[0], "kept")
	_, err = e.Clear(t.Context(), 0)
	must(t, err)
	if _, err := os.Stat(kept); err != nil {
		t.Fatalf("collection took a held image: %v", err)
	}
	must(t, e.local.worker.releaseUnused(t.Context(), map[string]bool{r.Image: true}))
	if _, err := os.Stat(kept); err != nil {
		t.Fatalf("an image in use lost its layers: %v", err)
	}
	must(t, e.local.worker.releaseUnused(t.Context(), nil))
	// BuildKit's own hold on what it has just built ends a little later.
	for end := time.Now().Add(20 * time.Second); err == nil; time.Sleep(20 * time.Millisecond) {
		_, err = e.Clear(t.Context(), 0)
		must(t, err)
		must(t, e.local.worker.GarbageCollect(t.Context()))
		if _, err = os.Stat(kept); err == nil && time.Now().After(end) {
			t.Fatal("an image that nobody uses stays")
		}
	}
}

// A step may print the secret that it was given: nobody sees it, and the store
// does not keep it.
func TestAStepThatPrintsItsSecret(t *testing.T) {
	const value = "s3cr3t/of the step"
	var log bytes.Buffer
	root := t.TempDir()
	e := open(t, root, &log)
	base := llb.Scratch().File(llb.Copy(llb.Local("base"), "/", "/"))
	secret := llb.AddSecretWithDest("TOKEN", nil, llb.SecretAsEnvName("TOKEN"))
	def, err := base.Run(llb.Args([]string{"/bin/sh", "-ec", `echo "it is $TOKEN"; printf 'no newline: %s' "$TOKEN" >&2; exit 7`}), secret).
		Root().Marshal(t.Context(), llb.LinuxAmd64)
	must(t, err)
	_, err = e.Solve(t.Context(), Request{
		Image: "image", Definition: def, Trees: map[string]fsutil.FS{"base": busybox(t)},
		Secrets: map[string][]byte{"TOKEN": []byte(value)}, Hide: redact.New(map[string]string{"TOKEN": value}),
	})
	if err == nil || strings.Contains(err.Error(), value) {
		t.Errorf("got %v", err)
	}
	if shown := log.String(); strings.Contains(shown, "s3cr3t") || !strings.Contains(shown, "it is [redacted TOKEN]") || !strings.Contains(shown, "no newline: [redacted TOKEN]") {
		t.Errorf("the display: %s", shown)
	}
	must(t, filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if errors.Is(err, os.ErrNotExist) { // a failed step's folder is on its way out
			return nil
		}
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if bytes.Contains(data, []byte("s3cr3t")) {
			t.Errorf("the engine keeps it in %s", path)
		}
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		return err
	}))
}
