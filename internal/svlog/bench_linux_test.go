package svlog

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const (
	benchBytes = 200 << 20 // piped to each logger in each pair
	benchPairs = 9
)

// BenchmarkAgainstS6Log pipes 100-byte lines to this package and to the real
// s6-log in turns, both as `T n20 s1000000 S50000000 DIR`, both with an fsync
// at each rotation. Each metric is the median of the pairs' ratios; min and max
// are their spread. CPU is user and system time of the logger's process.
func BenchmarkAgainstS6Log(b *testing.B) {
	if _, err := exec.LookPath("s6-log"); err != nil {
		b.Fatalf("this benchmark needs s6-log (apt install s6): %v", err)
	}
	for b.Loop() {
		var cpu, wall []float64
		for i := range benchPairs {
			both := [2]func() usage{
				func() usage { return flood(b, func(d ...string) *exec.Cmd { return exec.Command("s6-log", d...) }) },
				func() usage { return flood(b, func(d ...string) *exec.Cmd { return child(b, d...) }) },
			}
			var used [2]usage
			for j := range both { // who goes first changes
				k := (i + j) % 2
				used[k] = both[k]()
			}
			cpu = append(cpu, float64(used[1].cpu)/float64(used[0].cpu))
			wall = append(wall, float64(used[1].wall)/float64(used[0].wall))
		}
		report(b, cpu, "cpu/s6-log")
		report(b, wall, "wall/s6-log")
	}
	b.ReportMetric(0, "ns/op")
}

func report(b *testing.B, ratios []float64, unit string) {
	b.Helper()
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], unit)
	b.ReportMetric(ratios[0], unit+"-min")
	b.ReportMetric(ratios[len(ratios)-1], unit+"-max")
}

type usage struct{ cpu, wall time.Duration }

// flood is what one logger needs for all lines, from its start to its exit.
func flood(b *testing.B, logger func(directives ...string) *exec.Cmd) usage {
	b.Helper()
	dir := b.TempDir()
	defer os.RemoveAll(dir)
	unix.Sync()
	r, w, err := os.Pipe()
	if err != nil {
		b.Fatal(err)
	}
	cmd := logger("T", "n20", "s1000000", "S50000000", filepath.Join(dir, "log"))
	cmd.Stdin, cmd.Stderr = r, os.Stderr
	chunk := bytes.Repeat(append(bytes.Repeat([]byte("x"), 99), '\n'), 10_000)
	start := time.Now()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	r.Close()
	for range benchBytes / len(chunk) {
		if _, err := w.Write(chunk); err != nil {
			b.Fatal(err)
		}
	}
	w.Close()
	if err := cmd.Wait(); err != nil {
		b.Fatal(err)
	}
	return usage{cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), time.Since(start)}
}

// BenchmarkFormat is the part of the work that is not the kernel's.
func BenchmarkFormat(b *testing.B) {
	text := bytes.Repeat(append(bytes.Repeat([]byte("x"), 99), '\n'), 1000)
	for _, f := range []*formatter{
		{stamp: &stamper{iso: true}, limit: maxLine},
		{stamp: &stamper{tai: true}, limit: maxLine},
		{json: true, name: "web", stream: "stdout", limit: maxLine},
	} {
		b.Run(map[bool]string{true: "json", false: "plain"}[f.json], func(b *testing.B) {
			out := make([]byte, 0, flushBytes)
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				out, _ = f.format(out[:0], text, time.Now())
			}
		})
	}
}
