package engine

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tonistiigi/fsutil"
)

// memoryRoot, set in the environment, makes the test binary build once there,
// with a tree of memoryFiles files, and stay until its input ends.
const (
	memoryRoot  = "SANDWRIGHT_TEST_MEMORY_ROOT"
	memoryFiles = 10_000
)

// TestMemoryInAChild is the child's part of BenchmarkMemory.
func TestMemoryInAChild(t *testing.T) {
	root := os.Getenv(memoryRoot)
	if root == "" {
		return // nobody's child
	}
	e := openBounded(t, root, 0, io.Discard)
	fmt.Println("open")
	tree, err := fsutil.NewFS(filepath.Join(root, "tree"))
	must(t, err)
	r := request(t, "busybox find / -xdev > /list; busybox cp -r /files /copy")
	r.Trees["base"] = tree
	_, err = e.Solve(t.Context(), r)
	must(t, err)
	_, err = e.Export(t.Context(), r, Export{
		Images:  []Image{{Platform: "linux/amd64", Definition: r.Definition, Config: []byte(`{"os":"linux","architecture":"amd64"}`)}},
		Outputs: []Output{{Kind: OCI, Path: filepath.Join(root, "image.tar")}},
	})
	must(t, err)
	must(t, e.Close(t.Context()))
	debug.FreeOSMemory()
	fmt.Println("closed")
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// BenchmarkMemory measures the proportional set size of a process that builds
// 10,000 files into an image and writes it: ready, at most, and once closed.
func BenchmarkMemory(b *testing.B) {
	for b.Loop() {
		root := b.TempDir()
		for i := range memoryFiles {
			dir := filepath.Join(root, "tree", "files", strconv.Itoa(i/100))
			if err := errorsOf(os.MkdirAll(dir, 0o755), os.WriteFile(filepath.Join(dir, strconv.Itoa(i)), bytes.Repeat([]byte("4 kB of text "), 330), 0o644)); err != nil {
				b.Fatal(err)
			}
		}
		if out, err := exec.Command("sh", "-euc", `mkdir "$1/bin"; cp /bin/busybox "$1/bin/"; ln -s busybox "$1/bin/sh"`, "sh", filepath.Join(root, "tree")).CombinedOutput(); err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
		ready, peak, after := memoryOf(b, root)
		b.ReportMetric(ready, "MB-ready")
		b.ReportMetric(peak, "MB-peak")
		b.ReportMetric(after, "MB-closed")
		if peak > 150 {
			b.Errorf("the engine takes %.0f MB while it solves, more than 150", peak)
		}
	}
}

func errorsOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func memoryOf(b *testing.B, root string) (ready, peak, after float64) {
	cmd := exec.Command(os.Args[0], "-test.run=^TestMemoryInAChild$")
	cmd.Env = append(os.Environ(), memoryRoot+"="+root)
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	said := filepath.Join(root, "said")
	out, err := os.Create(said)
	if err != nil {
		b.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	for end := time.Now().Add(5 * time.Minute); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		text, _ := os.ReadFile(said)
		now := pss(cmd.Process.Pid)
		if strings.Contains(string(text), "open") && ready == 0 {
			ready = now
		}
		peak = max(peak, now)
		if strings.Contains(string(text), "closed") {
			after = now
			break
		}
		if strings.Contains(string(text), "FAIL") {
			b.Fatalf("the child: %s", text)
		}
	}
	in.Close()
	_ = cmd.Wait() // its output tells
	return ready, peak, after
}

// pss reads the proportional set size of a process in MB: see proc(5),
// smaps_rollup. It is 0 once the process has ended.
func pss(pid int) float64 {
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	for line := range strings.Lines(string(data)) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == "Pss:" {
			kb, _ := strconv.ParseFloat(fields[1], 64)
			return kb / 1000
		}
	}
	return 0
}
