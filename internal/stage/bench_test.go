package stage

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// BenchmarkOpen pairs staging with git's own two lists of the same tree, in
// turns: x-git is the median of the ratios, x-spread the distance between the
// quartiles.
func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	for i := range 5000 {
		file := filepath.Join(dir, fmt.Sprintf("packages/p%02d/src/f%04d.ts", i%50, i))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(file, fmt.Appendf(nil, "export const n = %d\n", i), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	git := func(args ...string) {
		cmd := exec.Command("git", append([]string{"-C", dir}, args...)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("git %v: %v: %s", args, err, out)
		}
	}
	git("init", "-q")
	git("add", ".")
	var ratios []float64
	for b.Loop() {
		start := time.Now()
		git("ls-files", "-z")
		git("ls-files", "-z", "--others", "--exclude-standard")
		middle := time.Now()
		tree, err := Open(b.Context(), dir, Options{})
		if err != nil {
			b.Fatal(err)
		}
		ratios = append(ratios, float64(time.Since(middle))/float64(middle.Sub(start)))
		tree.Close()
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "x-git")
	b.ReportMetric(ratios[len(ratios)*3/4]-ratios[len(ratios)/4], "x-spread")
}
