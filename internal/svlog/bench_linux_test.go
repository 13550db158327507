package svlog

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
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
			chunk := bytes.Repeat(append(bytes.Repeat([]byte("x"), 99), '\n'), 10_000)
			used := inTurns(i,
				func() usage {
					return flood(b, chunk, func(d ...string) *exec.Cmd { return exec.Command("s6-log", d...) })
				},
				func() usage { return flood(b, chunk, func(d ...string) *exec.Cmd { return child(b, d...) }) },
			)
			cpu = append(cpu, float64(used[1].cpu)/float64(used[0].cpu))
			wall = append(wall, float64(used[1].wall)/float64(used[0].wall))
		}
		report(b, cpu, "cpu/s6-log")
		report(b, wall, "wall/s6-log")
	}
	b.ReportMetric(0, "ns/op")
}

// inTurns runs both; who goes first changes with the number of the pair.
func inTurns(pair int, both ...func() usage) (used [2]usage) {
	for j := range both {
		k := (pair + j) % 2
		used[k] = both[k]()
	}
	return used
}

// BenchmarkRedaction pipes the lines of a web server to this package in turns
// without secrets and with a hundred of them to hide. Each metric is the median
// of the pairs' ratios, redacted to unredacted: throughput by wall time, and by
// the CPU time of the logger's process.
func BenchmarkRedaction(b *testing.B) {
	chunk := serverLines()
	for b.Loop() {
		var cpu, wall []float64
		for i := range benchPairs {
			used := inTurns(i,
				func() usage { return flood(b, chunk, func(d ...string) *exec.Cmd { return child(b, d...) }) },
				func() usage {
					return flood(b, chunk, func(d ...string) *exec.Cmd {
						cmd := child(b, d...)
						cmd.Env = append(cmd.Env, childEnv+"=redact")
						return cmd
					})
				},
			)
			cpu = append(cpu, float64(used[0].cpu)/float64(used[1].cpu))
			wall = append(wall, float64(used[0].wall)/float64(used[1].wall))
		}
		report(b, cpu, "throughput-cpu/unredacted")
		report(b, wall, "throughput-wall/unredacted")
	}
	b.ReportMetric(0, "ns/op")
}

// serverLines is 1 MB of different lines.
func serverLines() []byte {
	var text []byte
	for i := 0; len(text) < 1_000_000; i++ {
		text = fmt.Appendf(text, "INFO http request method=GET path=/api/items/%d status=200 duration=%dms id=%x\n", i*7%1000, i%50, sha256.Sum256([]byte{byte(i), byte(i >> 8)}))
	}
	return text
}

// benchSecrets are a hundred values as people have them, one as short as may be.
func benchSecrets() map[string]string {
	values := map[string]string{"SHORT": "hunter22"}
	for i := range 99 {
		sum := sha256.Sum256(fmt.Append(nil, "secret", i))
		value := []string{
			hex.EncodeToString(sum[:20]), base64.StdEncoding.EncodeToString(sum[:]), "sk-live-" + base64.RawURLEncoding.EncodeToString(sum[:24]),
			"postgres://app:" + hex.EncodeToString(sum[:8]) + "@db.internal:5432/app?sslmode=require",
		}[i%4]
		values[fmt.Sprint("SECRET_", i)] = value
	}
	return values
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
func flood(b *testing.B, chunk []byte, logger func(directives ...string) *exec.Cmd) usage {
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
