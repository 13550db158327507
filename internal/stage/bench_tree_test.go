package stage

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// benchTree makes a monorepo of tracked files of some hundred to some thousand
// bytes, committed and packed, and of ignored ones beside them.
func benchTree(b *testing.B, tracked, ignored int) string {
	b.Helper()
	dir := b.TempDir()
	random := rand.New(rand.NewPCG(1, 2))
	text := make([]byte, 1<<20)
	for i := range text {
		text[i] = "abcdefghijklmnopqrstuvwxyz ={}();\n"[random.IntN(34)]
	}
	sizes := []int{200, 800, 2000, 6000}
	write := func(p string, size int) {
		at := random.IntN(len(text) - size)
		if err := os.WriteFile(p, text[at:at+size], 0o644); err != nil {
			b.Fatal(err)
		}
	}
	for i := range tracked {
		folder := filepath.Join(dir, fmt.Sprintf("packages/pkg-%03d/src/mod%02d", i/500, i/20%25))
		if i%20 == 0 {
			if err := os.MkdirAll(folder, 0o755); err != nil {
				b.Fatal(err)
			}
		}
		write(fmt.Sprintf("%s/file%02d.ts", folder, i%20), sizes[random.IntN(len(sizes))])
	}
	for i := range ignored {
		folder := filepath.Join(dir, fmt.Sprintf("packages/pkg-%03d/node_modules/dep%02d", i/150, i/10%15))
		if i%10 == 0 {
			if err := os.MkdirAll(folder, 0o755); err != nil {
				b.Fatal(err)
			}
		}
		write(fmt.Sprintf("%s/file%d.js", folder, i%10), 100)
	}
	if err := os.WriteFile(filepath.Join(dir, ".gitignore"), []byte("node_modules\n"), 0o644); err != nil {
		b.Fatal(err)
	}
	benchGit(b, dir, nil, "init", "-q")
	benchGit(b, dir, nil, "add", ".")
	benchGit(b, dir, nil, "-c", "user.name=t", "-c", "user.email=t@localhost", "commit", "-qm", "all")
	benchGit(b, dir, nil, "repack", "-adq", "--window=0")
	return dir
}

// nameTree makes a tree of as many tracked names, which are hard links to a few
// files: memory goes by names.
func nameTree(b *testing.B, names int) string {
	b.Helper()
	dir := b.TempDir()
	benchGit(b, dir, nil, "init", "-q")
	blob := strings.TrimSpace(string(benchGit(b, dir, []byte("text\n"), "hash-object", "-w", "--stdin")))
	var index bytes.Buffer
	first := ""
	for i := range names {
		p := fmt.Sprintf("packages/pkg-%04d/source/module%02d/component%02d.ts", i/1000, i/50%20, i%50)
		full := filepath.Join(dir, p)
		var err error
		if i%50 == 0 {
			err = os.MkdirAll(filepath.Dir(full), 0o755)
		}
		if err == nil && i%50_000 == 0 { // a file has at most 65,000 names
			first = full
			err = os.WriteFile(full, []byte("text\n"), 0o644)
		} else if err == nil {
			err = os.Link(first, full)
		}
		if err != nil {
			b.Fatal(err)
		}
		fmt.Fprintf(&index, "100644 %s 0\t%s\n", blob, p)
	}
	benchGit(b, dir, index.Bytes(), "update-index", "--index-info")
	return dir
}

func benchGit(b *testing.B, dir string, in []byte, args ...string) []byte {
	b.Helper()
	cmd := exec.Command("git", append([]string{"-C", dir}, args...)...)
	cmd.Stdin = bytes.NewReader(in)
	out, err := cmd.Output()
	if err != nil {
		b.Fatalf("git %v: %v", args, err)
	}
	return out
}
