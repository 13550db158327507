//go:build linux

package svlog

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/sandwright/sandwright/internal/spec"
)

// A block is 10,000 lines of 100 bytes, each with the block's number.
type block []byte

func newBlock() block { return bytes.Repeat([]byte(strings.Repeat("x", 99)+"\n"), 10_000) }

func (b block) number(n int) {
	text := fmt.Appendf(nil, "%08d", n)
	for at := 0; at < len(b); at += 100 {
		copy(b[at:], text)
	}
}

// A service floods its log: not a byte is lost, and no line is cut at the end
// of a file.
func TestFloodLosesNothing(t *testing.T) {
	p := pool(t, Options{}, system{})
	l, dir := openIn(t, p, "flood", spec.Rotation{MaxFiles: 10_000, MaxBytes: 16 << 20})
	w, _ := feed(t, l, "stdout", nil)
	want := sha256.New()
	lines := newBlock()
	for i := range floodBytes / len(lines) {
		lines.number(i)
		want.Write(lines)
		if _, err := w.Write(lines); err != nil {
			t.Fatal(err)
		}
	}
	w.Close()
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	got := sha256.New()
	files, _ := filepath.Glob(filepath.Join(dir, "@*"))
	slices.Sort(files)
	for _, name := range append(files, filepath.Join(dir, "current")) {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(got, f)
		f.Close()
		if err != nil || n%100 != 0 || n > 16<<20 {
			t.Errorf("%s: %d bytes: %v", name, n, err)
		}
	}
	if !bytes.Equal(got.Sum(nil), want.Sum(nil)) {
		t.Error("what is logged is not what was written")
	}
}

// Two writers flood one log; every line of both is there, in its order.
func TestTwoFloodsInOneLog(t *testing.T) {
	const blocks = 10
	p := pool(t, Options{}, system{})
	l, dir := openIn(t, p, "flood", spec.Rotation{MaxFiles: 10_000, MaxBytes: 1 << 20})
	var writing sync.WaitGroup
	for writer := range 2 {
		w, _ := feed(t, l, "stdout", nil)
		writing.Go(func() {
			defer w.Close()
			lines := newBlock()
			for i := range blocks {
				lines.number(writer*1000 + i)
				if _, err := w.Write(lines); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writing.Wait()
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	var count [2]int
	for line := range strings.Lines(all(t, dir)) {
		var n int
		if _, err := fmt.Sscanf(line, "%08d", &n); err != nil || len(line) != 100 {
			t.Fatalf("line %q: %v", line, err)
		}
		if writer := n / 1000; n%1000 != count[writer]/10_000 {
			t.Fatalf("writer %d: block %d after %d lines", writer, n%1000, count[writer])
		}
		count[n/1000]++
	}
	if count != [2]int{blocks * 10_000, blocks * 10_000} {
		t.Errorf("%d lines", count)
	}
}
