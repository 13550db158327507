package gitmeta

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// generated makes a bare-bones repository of so many files, each of about 2 kB
// of text, without checking them out.
func generated(b *testing.B, files int) string {
	b.Helper()
	dir, err := filepath.EvalSymlinks(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command("sh", "-c", "git init -q -b trunk && git fast-import --quiet")
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	w := bufio.NewWriterSize(in, 1<<20)
	r := rand.New(rand.NewPCG(1, 2))
	fmt.Fprintf(w, "commit refs/heads/trunk\ncommitter a <a@b> 1700000000 +0000\ndata 1\nx\n")
	for i := range files {
		text := ""
		for range 40 {
			text += fmt.Sprintf("const value%d = call(%d, %q)\n", r.IntN(1000), r.IntN(1e6), "name"+fmt.Sprint(r.IntN(1e4)))
		}
		fmt.Fprintf(w, "M 100644 inline pkg%d/src%d/file%d.ts\ndata %d\n%s\n", i%200, i%2000, i, len(text), text)
	}
	if err := w.Flush(); err != nil {
		b.Fatal(err)
	}
	in.Close()
	if err := cmd.Wait(); err != nil {
		b.Fatal(err)
	}
	return dir
}

// BenchmarkMake measures the repository of 100,000 files: made the first time,
// made again with nothing changed, and after a commit.
func BenchmarkMake(b *testing.B) {
	dir := generated(b, 100_000)
	o := Options{
		Dir: dir, Mode: Head, Store: filepath.Join(b.TempDir(), "git"), Author: Author{"a", "b"}, Home: "/home/dev",
		NewSum: newPlainSum,
		Tree: Tree{
			Staged: func(string) (Staged, bool) { return Staged{}, false },
			Hidden: func(string) bool { return true }, Folder: func(string) bool { return false },
		},
	}
	run := func(b *testing.B) {
		m, err := Make(b.Context(), o)
		if err != nil || len(m.Files) < 5 {
			b.Fatal(err, len(m.Files))
		}
	}
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			if err := os.RemoveAll(o.Store); err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
			run(b)
		}
	})
	b.Run("unchanged", func(b *testing.B) {
		for b.Loop() {
			run(b)
		}
	})
	b.Run("commit", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			cmd := exec.Command("sh", "-c", "c=$(git -c user.name=a -c user.email=a@b commit-tree -m y -p HEAD HEAD^{tree}) && git update-ref HEAD $c")
			cmd.Dir = dir
			if out, err := cmd.CombinedOutput(); err != nil {
				b.Fatalf("%v: %s", err, out)
			}
			b.StartTimer()
			run(b)
		}
	})
	b.Run("git archive", func(b *testing.B) { // the peer: it reads the same objects once
		for b.Loop() {
			cmd := exec.Command("sh", "-c", "git archive HEAD > /dev/null")
			cmd.Dir = dir
			if err := cmd.Run(); err != nil {
				b.Fatal(err)
			}
		}
	})
}
