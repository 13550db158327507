package cli

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/config"
	"github.com/sandwright/sandwright/internal/plan"
	"github.com/sandwright/sandwright/internal/workspace"
)

// monorepo makes one of 90 packages and 9,000 files, with the example's file
// and lock, all committed.
func monorepo(b *testing.B) string {
	b.Helper()
	dir := b.TempDir()
	write := func(name, text string) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	for _, name := range []string{config.Name, "sandwright.lock"} {
		data, err := os.ReadFile(filepath.Join("../../examples/iterate", name))
		if err != nil {
			b.Fatal(err)
		}
		write(name, string(data))
	}
	write("package.json", `{"name":"large","private":true,"packageManager":"pnpm@10.28.0"}`)
	write("pnpm-workspace.yaml", "packages:\n  - packages/*\n")
	lock := "lockfileVersion: '9.0'\nimporters:\n  .: {}\n"
	for i := range 90 {
		folder := fmt.Sprintf("packages/pkg-%02d", i)
		lock += "  " + folder + ": {}\n"
		write(folder+"/package.json", fmt.Sprintf(`{"name":"pkg-%02d","version":"1.0.%d","scripts":{"build":"true"},"dependencies":{"a":"^1.0.0"}}`, i, i))
		for j := range 99 {
			write(fmt.Sprintf("%s/src/m%02d/f%02d.ts", folder, j/20, j), strings.Repeat(fmt.Sprintf("export const x%d = %d;\n", j, i), 5+j%90))
		}
	}
	lock += "packages:\n"
	for i := range 2700 {
		lock += fmt.Sprintf("  pkg-%d@1.%d.0:\n    resolution: {integrity: sha512-%060d}\n    engines: {node: '>=18'}\n", i, i%7, i)
	}
	write("pnpm-lock.yaml", lock)
	for _, args := range [][]string{{"init", "-q"}, {"add", "."}, {"-c", "user.name=t", "-c", "user.email=t@localhost", "commit", "-qm", "all"}} {
		cmd := exec.Command("git", append([]string{"-C", dir}, args...)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("git %v: %v: %s", args, err, out)
		}
	}
	return dir
}

// BenchmarkNothingChanged is what up and sync do before they know that nothing
// has changed, on a monorepo of 9,000 files: in processor time of all processes
// (ms/up), beside what git's own two lists and an lstat of each file take (the
// floor), and of that the comparison of seals (ms/seal), which is what proves
// that there is nothing to install.
func BenchmarkNothingChanged(b *testing.B) {
	dir := monorepo(b)
	b.Setenv("SANDWRIGHT_HOME", b.TempDir())
	a := &app{Streams: Streams{Out: io.Discard, Err: io.Discard}, file: filepath.Join(dir, config.Name)}
	first := unchanged(b, a) // reads every file, once
	first.tree.Close()
	var whole, seals, floor time.Duration
	for b.Loop() {
		floor += processorTime(b, func() { listAndLook(b, dir) })
		var d drawing
		whole += processorTime(b, func() { d = unchanged(b, a) })
		seals += processorTime(b, func() { compareSeals(b, first, d) })
		d.tree.Close()
	}
	n := float64(b.N) * 1e6
	b.ReportMetric(float64(whole)/n, "ms/up")
	b.ReportMetric(float64(seals)/n, "ms/seal")
	b.ReportMetric(float64(floor)/n, "ms/floor")
	b.ReportMetric(whole.Seconds()/floor.Seconds(), "up/floor")
}

// unchanged is what comes before the question whether anything has changed.
func unchanged(b *testing.B, a *app) drawing {
	b.Helper()
	made, err := a.decide(b.Context(), hostPlatform(), envFlags{scope: []string{config.ScopeBuild}})
	if err != nil {
		b.Fatal(err)
	}
	d, err := a.draw(b.Context(), made)
	if err != nil {
		b.Fatal(err)
	}
	return d
}

// compareSeals reads the manifests again, seals them and compares.
func compareSeals(b *testing.B, before, now drawing) {
	b.Helper()
	ws, err := workspace.Find(now.tree, workspaceOptions(now.project.file))
	if err != nil {
		b.Fatal(err)
	}
	now.workspace = ws
	r, err := seal(b.Context(), now.blueprint, now.repository)
	if err != nil {
		b.Fatal(err)
	}
	for _, d := range plan.Diff(before.plan.Receipt, r) {
		if d.Rebuilt {
			b.Fatalf("%s is made again", d.Layer)
		}
	}
}

func listAndLook(b *testing.B, dir string) {
	b.Helper()
	for _, args := range [][]string{{"ls-files", "-z"}, {"ls-files", "-z", "--others", "--exclude-standard"}} {
		out, err := exec.Command("git", append([]string{"-C", dir}, args...)...).Output()
		if err != nil {
			b.Fatal(err)
		}
		for name := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
			if _, err := os.Lstat(filepath.Join(dir, name)); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func processorTime(b *testing.B, work func()) time.Duration {
	b.Helper()
	now := func() (total time.Duration) {
		for _, who := range []int{unix.RUSAGE_SELF, unix.RUSAGE_CHILDREN} {
			var u unix.Rusage
			if err := unix.Getrusage(who, &u); err != nil {
				b.Fatal(err)
			}
			total += time.Duration(u.Utime.Nano() + u.Stime.Nano())
		}
		return total
	}
	start := now()
	work()
	return now() - start
}
