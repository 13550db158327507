package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/moby/buildkit/client/llb"
	"github.com/tonistiigi/fsutil"
	"golang.org/x/sys/unix"
)

// openBounded opens an engine whose store has a limit; the caller closes it.
func openBounded(t *testing.T, root string, limit int64, log io.Writer) *Engine {
	t.Helper()
	must(t, os.MkdirAll(filepath.Join(root, "layout"), 0o755))
	e, err := Open(t.Context(), Options{Root: filepath.Join(root, "state"), Layout: filepath.Join(root, "layout"), MaxBytes: limit, Progress: Progress{Out: log}},
		func() (map[string]bool, error) { return nil, nil })
	must(t, err)
	return e
}

// TestFiftyEditsStayWithinTheBudget: 50 builds that each leave half a MB that
// no other build uses. Without a limit that is 25 MB and more.
func TestFiftyEditsStayWithinTheBudget(t *testing.T) {
	const limit = 10 << 20
	root := t.TempDir()
	e := openBounded(t, root, limit, io.Discard)
	tree := busybox(t)
	highest := int64(0)
	for i := range 50 {
		r := request(t, fmt.Sprintf("busybox yes 'edit %d' | busybox head -c 500000 > /edited", i))
		r.Trees["base"] = tree
		res, err := e.Solve(t.Context(), r)
		must(t, err)
		readIn(t, res, "edited")
		must(t, e.local.worker.releaseUnused(t.Context(), nil)) // the next up has replaced it
		must(t, e.local.collect(t.Context()))
		highest = max(highest, sizeOf(root))
	}
	must(t, e.Close(t.Context()))
	if after := sizeOf(filepath.Join(root, "state")); after > limit*5/4 {
		t.Errorf("the store has %d bytes, its limit is %d", after, limit)
	}
	t.Logf("at most %d MB while building", highest>>20)
}

// TestACollectionThatCanWait is left out a few times; one after a build that took
// room, or with another limit, is not.
func TestACollectionThatCanWait(t *testing.T) {
	e := open(t, t.TempDir(), io.Discard)
	file := filepath.Join(e.opts.Root, collectedName)
	settle := func(limit, more int64, want string) {
		t.Helper()
		free, ok := freeOf(e.opts.Root)
		if !ok {
			t.Fatal("the disk does not say how much is free")
		}
		e.local.opts.MaxBytes, e.local.free = limit, free+more
		must(t, e.local.settle(t.Context()))
		if got, err := os.ReadFile(file); err != nil || string(got) != want {
			t.Errorf("after %d: %q, %v, want %q", more, got, err, want)
		}
	}
	const limit, some = int64(1) << 50, int64(1) << 43 // so much that nobody else's files count
	text := fmt.Sprintln(limit)
	settle(limit, 0, text)
	for i := range maxSkipped {
		settle(limit, 0, text+strings.Repeat(".", i+1))
	}
	settle(limit, 0, text)
	settle(limit, 0, text+".")
	settle(limit, some, text)
	settle(limit, 0, text+".")
	settle(limit/2, 0, fmt.Sprintln(limit/2))
}

// TestPassingResultsGo, unless an image that is in use stands on them, and
// nothing else does.
func TestPassingResultsGo(t *testing.T) {
	e := open(t, t.TempDir(), io.Discard)
	base := llb.Scratch().File(llb.Copy(llb.Local("base"), "/", "/"))
	st := base.Run(llb.Args([]string{"/bin/sh", "-ec", "echo kept > /kept"}), llb.Network(llb.NetModeNone)).Root()
	st = st.File(llb.Mkfile("/edit", 0o644, []byte("1")), llb.WithCustomName("copy what passes"))
	def, err := st.Marshal(t.Context(), llb.LinuxAmd64)
	must(t, err)
	r := Request{Image: "image", Definition: def, Trees: map[string]fsutil.FS{"base": busybox(t)}}
	names := []string{"^copy what passes$", "^services$"}
	for _, c := range []struct {
		name   string
		inUse  bool
		names  []string
		kept   time.Duration
		cached bool
	}{
		{"at first", true, nil, 0, false},
		{"nothing passes", false, nil, time.Nanosecond, true},
		{"in use", true, names, time.Nanosecond, true},
		{"not for long", false, names, time.Hour, true},
		{"long ago", false, names, time.Nanosecond, false},
	} {
		must(t, e.local.worker.releaseUnused(t.Context(), map[string]bool{"image": c.inUse}))
		must(t, e.local.worker.busy.wait())
		if _, err := e.local.prune(t.Context(), passing(c.names, c.kept)...); err != nil {
			t.Fatal(err)
		}
		res, err := e.Solve(t.Context(), r)
		must(t, err)
		if got := cached(res, "what passes"); got != c.cached {
			t.Errorf("%s: cached is %t", c.name, got)
		}
		if got := cached(res, "echo kept"); got != (c.name != "at first") {
			t.Errorf("%s: what does not pass is cached: %t", c.name, got)
		}
	}
}

// buildRoot, set in the environment, makes the test binary build there and
// print the digest of what buildStep, a number, gives.
const (
	buildRoot = "SANDWRIGHT_TEST_BUILD_ROOT"
	buildStep = "SANDWRIGHT_TEST_BUILD_STEP"
)

// TestBuildInAChild is the child's part of the tests below.
func TestBuildInAChild(t *testing.T) {
	root := os.Getenv(buildRoot)
	if root == "" {
		return // nobody's child
	}
	e := openBounded(t, root, 0, os.Stderr)
	r := request(t, "busybox yes 'step "+os.Getenv(buildStep)+"' | busybox head -c 3000000 > /made; echo done > /done")
	_, err := e.Solve(t.Context(), r)
	must(t, err)
	digest, err := e.Export(t.Context(), r, Export{
		Images:  []Image{{Platform: "linux/amd64", Definition: r.Definition, Config: []byte(`{"os":"linux","architecture":"amd64"}`)}},
		Outputs: []Output{{Kind: OCI, Path: filepath.Join(root, "image.tar")}},
	})
	must(t, err)
	must(t, e.Close(t.Context()))
	fmt.Println("digest:", digest)
}

// child starts a build in a process of its own.
func child(t *testing.T, root string, step int, log io.Writer) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestBuildInAChild$")
	cmd.Env = append(os.Environ(), buildRoot+"="+root, fmt.Sprintf("%s=%d", buildStep, step), "TMPDIR="+t.TempDir()) // a killed one cannot clear its own
	cmd.Stdout, cmd.Stderr = log, log
	must(t, cmd.Start())
	return cmd
}

// digestOf builds to the end.
func digestOf(t *testing.T, root string, step int) string {
	t.Helper()
	var log bytes.Buffer
	if err := child(t, root, step, &log).Wait(); err != nil {
		t.Fatalf("a clean build: %v\n%s", err, log.String())
	}
	_, digest, ok := strings.Cut(log.String(), "digest: ")
	if !ok {
		t.Fatalf("no digest:\n%s", log.String())
	}
	digest, _, _ = strings.Cut(digest, "\n")
	return digest
}

// TestAKillAtAnyMoment: a build is killed at twelve moments of its life, from
// before it has opened the store until it closes it, and the next one gives,
// each time in the end, the image that a store without such a past gives.
func TestAKillAtAnyMoment(t *testing.T) {
	root := t.TempDir()
	started := time.Now()
	want := digestOf(t, t.TempDir(), 0)
	whole := time.Since(started)
	killed := 0
	for i := range 12 {
		cmd := child(t, root, i, io.Discard)
		time.Sleep(whole*time.Duration(i)/12 + rand.N(whole/12))
		if cmd.Process.Kill() == nil {
			killed++
		}
		_ = cmd.Wait() // it was killed, or was done
	}
	if killed < 10 {
		t.Errorf("only %d builds were killed", killed)
	}
	if got := digestOf(t, root, 0); got != want {
		t.Errorf("after %d kills the image is %s, not %s", killed, got, want)
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil || strings.Contains(string(mounts), root) {
		t.Errorf("mounts are left below %s (%v)", root, err)
	}
	left, err := filepath.Glob(filepath.Join(root, "state", "runc-overlayfs", "executor", "*"))
	must(t, err)
	for _, dir := range left {
		if info, err := os.Stat(dir); err == nil && info.IsDir() {
			t.Errorf("a killed build's bundle is left: %s", dir)
		}
	}
}

// TestTwoBuildsOfOneUser: the second waits, says so, and is done as well.
func TestTwoBuildsOfOneUser(t *testing.T) {
	root := t.TempDir()
	var log bytes.Buffer
	first := openBounded(t, root, 0, io.Discard)
	second := child(t, root, 1, &log)
	ended := make(chan error, 1)
	go func() { ended <- second.Wait() }()
	select {
	case err := <-ended:
		t.Fatalf("the second did not wait: %v\n%s", err, log.String())
	case <-time.After(2 * time.Second):
	}
	_, err := first.Solve(t.Context(), request(t, "echo first > /first"))
	must(t, err)
	must(t, first.Close(t.Context()))
	if err := <-ended; err != nil || !strings.Contains(log.String(), "waiting for another build on this machine") || !strings.Contains(log.String(), "digest: sha256:") {
		t.Errorf("the second: %v\n%s", err, log.String())
	}
}

// TestSteady: who keeps a store steady and who has it open exclude each other.
func TestSteady(t *testing.T) {
	root := t.TempDir()
	state := filepath.Join(root, "state")
	if _, ok, err := Steady(state); ok || err != nil {
		t.Errorf("there is no store yet: %t, %v", ok, err)
	}
	e := openBounded(t, root, 0, io.Discard)
	if _, ok, err := Steady(state); ok || err != nil {
		t.Errorf("it is open: %t, %v", ok, err)
	}
	must(t, e.Close(t.Context()))
	release, ok, err := Steady(state)
	if !ok || err != nil {
		t.Fatalf("nobody has it open: %t, %v", ok, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := Open(ctx, Options{Root: state, Layout: filepath.Join(root, "layout")}, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("it is opened all the same: %v", err)
	}
	release()
	if release, ok, err = Steady(state); !ok || err != nil {
		t.Fatalf("it was released: %t, %v", ok, err)
	}
	release()
}

// TestAFullDisk says so, leaves nothing, and is no reason not to build what fits.
func TestAFullDisk(t *testing.T) {
	root := t.TempDir()
	state := filepath.Join(root, "state")
	must(t, os.Mkdir(state, 0o700))
	must(t, unix.Mount("tmpfs", state, "tmpfs", 0, "size=24m"))
	t.Cleanup(func() {
		if err := unix.Unmount(state, 0); err != nil {
			t.Errorf("something still holds the store: %v", err)
		}
	})
	var log bytes.Buffer
	e := openBounded(t, root, 0, &log)
	defer func() { must(t, e.Close(context.Background())) }()
	_, err := e.Solve(t.Context(), request(t, "busybox yes | busybox head -c 60000000 > /large"))
	if err == nil || !strings.Contains(err.Error(), "cannot build: the disk that has "+state+" is full: ") || !strings.Contains(err.Error(), " MB are free and the store takes ") {
		t.Errorf("got %v\n%s", err, log.String())
	}
	res, err := e.Solve(t.Context(), request(t, "echo small > /small"))
	must(t, err)
	readIn(t, res, "small")
}

// TestBundlesOfAKilledBuild: they go at whatever moment the kill came, and
// what is not a step's stays.
func TestBundlesOfAKilledBuild(t *testing.T) {
	root := t.TempDir()
	executor := filepath.Join(root, "runc-overlayfs", "executor")
	must(t, clearBundles(root)) // there is none yet
	for _, dir := range []string{"early", "later/rootfs", "full/rootfs/data"} {
		must(t, os.MkdirAll(filepath.Join(executor, dir), 0o700))
	}
	for _, file := range []string{"resolv.conf", "later/config.json", "full/config.json"} {
		must(t, os.WriteFile(filepath.Join(executor, file), nil, 0o600))
	}
	if err := clearBundles(root); err == nil {
		t.Error("a root file system with something in it was removed, or passed over without a word")
	}
	left, err := filepath.Glob(filepath.Join(executor, "*"))
	must(t, err)
	if want := []string{filepath.Join(executor, "full"), filepath.Join(executor, "resolv.conf")}; !slices.Equal(left, want) {
		t.Errorf("left: %q", left)
	}
}
