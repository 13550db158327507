//go:build linux

package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sandwright/sandwright/internal/cgroup"
	"github.com/sandwright/sandwright/internal/provider"
	"github.com/sandwright/sandwright/internal/provider/conformance"
	"github.com/sandwright/sandwright/internal/spec"
)

const layerVariable = "SANDWRIGHT_TEST_LAYER"

// TestMain lets the test binary be the shim, and a process that starts a
// sandbox and then only waits. Otherwise it makes the layer that all tests use.
func TestMain(m *testing.M) {
	switch {
	case len(os.Args) > 1 && os.Args[1] == "shim":
		if RunShim(context.Background()) != nil {
			os.Exit(1)
		}
	case len(os.Args) > 2 && os.Args[1] == "start":
		startAndWait(os.Args[2])
	default:
		os.Exit(runTests(m))
	}
}

func runTests(m *testing.M) int {
	dir, err := os.MkdirTemp("", "layer")
	if err == nil {
		err = makeLayer(dir)
	}
	defer os.RemoveAll(dir)
	if err != nil {
		fmt.Fprintln(os.Stderr, "cannot make a box for the tests:", err)
		return 1
	}
	os.Setenv(layerVariable, dir)
	return m.Run()
}

// makeLayer makes a root file system of busybox and the least supervisor.
func makeLayer(dir string) error {
	for _, sub := range []string{"bin", "etc", "root", filepath.Dir(spec.InitPath[1:])} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return err
		}
	}
	busybox, err := os.ReadFile("/bin/busybox")
	if err != nil {
		return fmt.Errorf("%w (run: apt-get install busybox-static)", err)
	}
	if err := os.WriteFile(dir+"/bin/busybox", busybox, 0o755); err != nil {
		return err
	}
	for applet := range strings.FieldsSeq("cat echo hostname httpd id ls mkdir mount ps pwd sh sleep stat stty touch true wc") {
		if err := os.Symlink("busybox", dir+"/bin/"+applet); err != nil {
			return err
		}
	}
	for target, source := range map[string]string{spec.InitPath: "./testdata/init", "/bin/probe": "./testdata/probe"} {
		if err := build(filepath.Join(dir, target), source); err != nil {
			return err
		}
	}
	return os.Chmod(dir, 0o755)
}

// build makes a static binary.
func build(target, source string) error {
	cmd := exec.Command("go", "build", "-o", target, source)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// config is a box of the layer.
func config(name string) provider.Config {
	return provider.Config{
		Project: os.Getenv(layerVariable), Name: name, Image: "image", Revision: "revision",
		Rootfs: provider.Rootfs{Lower: []string{os.Getenv(layerVariable)}},
		Env:    map[string]string{"PATH": "/bin", "B": "from box"},
		User:   spec.User{Name: "someone", UID: 1000, GID: 1000, Home: "/"},
	}
}

// A world is a provider whose traces on the host can be told from all others.
type world struct {
	*Local
	mark string // is in the environment of each of its processes outside a box
}

// newWorld fails the test when anything of its sandboxes outlives it.
func newWorld(t *testing.T) world {
	t.Helper()
	leaked := goleak.IgnoreCurrent()
	races := t.TempDir()
	w := world{Local: New(Options{StateDir: t.TempDir(), Self: self(t, races, "shim")}), mark: races}
	t.Cleanup(func() {
		if reports, _ := filepath.Glob(races + "/*"); len(reports) > 0 {
			text, _ := os.ReadFile(reports[0])
			t.Errorf("the shim has a data race:\n%s", text)
		}
		w.wantNothing(t)
		goleak.VerifyNone(t, leaked)
	})
	return w
}

// self runs this binary, marked by the directory for its race reports.
func self(t *testing.T, races string, args ...string) []string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return append([]string{"/usr/bin/env", "GORACE=atexit_sleep_ms=0 log_path=" + races + "/race", exe}, args...)
}

func (w world) start(t *testing.T, c provider.Config) *sandbox {
	t.Helper()
	s, err := w.Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s.(*sandbox)
}

// wantNothing lists processes, mounts, control groups and files.
func (w world) wantNothing(t *testing.T) {
	t.Helper()
	for _, pid := range w.processes() {
		cmdline, _ := os.ReadFile(fmt.Sprintf("/proc/%s/cmdline", pid))
		t.Errorf("process %s is left: %q", pid, cmdline)
	}
	mountinfos, _ := filepath.Glob("/proc/[0-9]*/mountinfo")
	for _, name := range mountinfos {
		if text, _ := os.ReadFile(name); strings.Contains(string(text), w.options.StateDir) {
			t.Errorf("%s still has a mount", name)
		}
	}
	_ = filepath.WalkDir(w.options.StateDir, func(path string, _ fs.DirEntry, err error) error {
		if path != w.options.StateDir {
			t.Errorf("file %s is left", path)
		}
		return err
	})
	for _, dir := range cgroupsLeft(t) {
		t.Errorf("control group %s is left", dir)
	}
}

// cgroupsLeft lists the control groups of this test run.
func cgroupsLeft(t *testing.T) []string {
	t.Helper()
	roots, err := cgroup.Dirs(".")
	if err != nil || len(roots) == 0 {
		t.Fatalf("cannot find the control groups: %v", err)
	}
	var left []string
	for _, root := range roots {
		dirs, _ := filepath.Glob(filepath.Join(root, "*"+projectMark()+"*"))
		left = append(left, dirs...)
	}
	return left
}

// projectMark ends the ID of every sandbox of this test run.
func projectMark() string { return placeOf("", os.Getenv(layerVariable), "").ID }

// processes are those of this world, the test's own excepted.
func (w world) processes() []string {
	var pids []string
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		env, _ := os.ReadFile(dir + "/environ")
		groups, _ := os.ReadFile(dir + "/cgroup")
		if strings.Contains(string(env), w.mark) || strings.Contains(string(groups), projectMark()) {
			pids = append(pids, filepath.Base(dir))
		}
	}
	return pids
}

// The suite runs with the real supervisor, which has no service to run.
func TestConformance(t *testing.T) {
	dir := t.TempDir()
	if err := build(filepath.Join(dir, spec.InitPath), "../../../cmd/sandwright-init"); err != nil {
		t.Fatal(err)
	}
	text, err := spec.Encode(spec.Spec{Version: spec.Version, Name: "conformance", LogDir: spec.LogDir, Services: []spec.Service{}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(dir+spec.Path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+spec.Path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	image := config("")
	image.Rootfs.Lower = append([]string{dir}, image.Rootfs.Lower...)
	conformance.Run(t, func(t *testing.T) provider.Provider { return newWorld(t) }, image)
}

// startAndWait is a process that never says keep: it prints the state of the
// sandbox and waits for its end.
func startAndWait(stateDir string) {
	exe, _ := os.Executable()
	self := []string{"/usr/bin/env", "GORACE=" + os.Getenv("GORACE"), exe, "shim"}
	s, err := New(Options{StateDir: stateDir, Self: self}).Start(context.Background(), config("orphan"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	_ = json.NewEncoder(os.Stdout).Encode(s.(*sandbox).rec)
	time.Sleep(time.Minute)
}

var errTimeout = errors.New("it did not happen in time")

// eventually polls until f is true.
func eventually(f func() bool) error {
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if f() {
			return nil
		}
	}
	return errTimeout
}
