package main

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sandwright/sandwright/internal/cgroup"
)

// A box is a copy of the example, and a home of its own for all that
// sandwright keeps.
type box struct {
	dir  string
	home string
	bin  string // the program; empty: that of all tests
}

// view is what ps --json and up --json print.
type view struct {
	ID       string
	Ready    bool
	Services []struct {
		Service, State, Reason, Log string
		PID, HostPort               int
	}
}

// exampleBox copies what git would ship of the example.
func exampleBox(t testing.TB) *box {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("cannot run sandboxes: this test needs root")
	}
	b := &box{dir: filepath.Join(t.TempDir(), "iterate"), home: t.TempDir()}
	example, err := filepath.Abs("../../examples/iterate")
	must(t, err)
	list := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = example
	out, err := list.Output()
	must(t, err)
	for name := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		data, err := os.ReadFile(filepath.Join(example, name))
		must(t, err)
		b.write(t, name, string(data))
	}
	git := exec.Command("git", "init", "-q", b.dir)
	must(t, git.Run())
	t.Cleanup(func() { b.run(t, "down", "--all") })
	return b
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (b *box) write(t testing.TB, name, text string) {
	t.Helper()
	path := filepath.Join(b.dir, name)
	must(t, os.MkdirAll(filepath.Dir(path), 0o755))
	must(t, os.WriteFile(path, []byte(text), 0o644))
}

// edit replaces text in a file of the project; it must be there.
func (b *box) edit(t testing.TB, name, from, to string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(b.dir, name))
	must(t, err)
	if !strings.Contains(string(data), from) {
		t.Fatalf("%s does not contain %q", name, from)
	}
	b.write(t, name, strings.ReplaceAll(string(data), from, to))
}

// command is one sandwright in the project.
func (b *box) command(args ...string) *exec.Cmd {
	cmd := exec.Command(cmp.Or(b.bin, filepath.Join(binDir, "sandwright")), args...)
	cmd.Dir = b.dir
	cmd.Env = append(os.Environ(), "SANDWRIGHT_HOME="+b.home)
	return cmd
}

// run gives a command's output and exit code.
func (b *box) run(t testing.TB, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errOut bytes.Buffer
	cmd := b.command(args...)
	cmd.Stdout, cmd.Stderr = &out, &errOut
	start := time.Now()
	err := cmd.Run()
	t.Logf("sandwright %s: %s, %v", strings.Join(args, " "), time.Since(start).Round(time.Millisecond), err)
	return out.String(), errOut.String(), cmd.ProcessState.ExitCode()
}

// up must succeed; it gives what it printed on stderr, and the table.
func (b *box) up(t testing.TB, args ...string) (string, view) {
	t.Helper()
	out, progress, code := b.run(t, append([]string{"up", "--json", "--publish-all"}, args...)...)
	if code != 0 {
		t.Fatalf("up ended with %d:\n%s\n%s", code, tail(progress), out)
	}
	return progress, parse(t, out)
}

func parse(t testing.TB, out string) (v view) {
	t.Helper()
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		t.Fatalf("%v in:\n%s", err, out)
	}
	return v
}

func tail(s string) string { return s[max(0, len(s)-6000):] }

// get fetches a path of a service through its published port.
func (v view) get(t testing.TB, service, path string) string {
	t.Helper()
	for _, s := range v.Services {
		if s.Service != service {
			continue
		}
		client := http.Client{Timeout: 10 * time.Second}
		res, err := client.Get(fmt.Sprintf("http://127.0.0.1:%d%s", s.HostPort, path))
		must(t, err)
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		must(t, err)
		if res.StatusCode != http.StatusOK {
			t.Errorf("%s%s: %s: %s", service, path, res.Status, body)
		}
		return string(body)
	}
	t.Fatalf("no service %s", service)
	return ""
}

// leftovers lists everything on the machine that is this box's: processes,
// mounts, control groups, and files of sandboxes or half written ones.
func (b *box) leftovers(t testing.TB) []string {
	t.Helper()
	var left []string
	procs, err := filepath.Glob("/proc/[0-9]*")
	must(t, err)
	for _, p := range procs {
		for _, file := range []string{"cmdline", "environ", "mountinfo", "cgroup"} {
			data, _ := os.ReadFile(filepath.Join(p, file)) // the process may end meanwhile
			if strings.Contains(string(data), b.home) || strings.Contains(string(data), b.suffix(t)) {
				cmdline, _ := os.ReadFile(filepath.Join(p, "cmdline"))
				left = append(left, fmt.Sprintf("%s by its %s: %q", p, file, cmdline))
			}
		}
	}
	for _, pattern := range []string{"*" + b.suffix(t) + "*", "sandwright-build-" + hash(filepath.Join(b.home, "engine"))} {
		groups, err := cgroup.Dirs(pattern)
		must(t, err)
		left = append(left, groups...)
	}
	for _, pattern := range []string{"sandboxes/*", "store/tmp/*", "engine/runc-overlayfs/executor/*/rootfs"} {
		files, err := filepath.Glob(filepath.Join(b.home, pattern))
		must(t, err)
		left = append(left, files...)
	}
	return left
}

// suffix ends the id of each of the project's sandboxes.
func (b *box) suffix(t testing.TB) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(b.dir)
	must(t, err)
	return "-" + hash(dir)
}

// hash is how ids are made of paths.
func hash(path string) string {
	sum := sha256.Sum256([]byte(path))
	return hex.EncodeToString(sum[:4])
}

// clean fails the test when something is left.
func (b *box) clean(t testing.TB, after string) {
	t.Helper()
	if left := b.leftovers(t); len(left) > 0 {
		t.Errorf("%s left:\n%s", after, strings.Join(left, "\n"))
	}
}
