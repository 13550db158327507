package fetch

import (
	"io"
	"os"
	"strings"
	"testing"
	"time"
)

func TestTrimRemovesWhatWasUsedLongestAgo(t *testing.T) {
	s, err := OpenStore(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var sums []string
	for i, text := range []string{"old", "older", "now"} {
		sum, err := s.put(func(w io.Writer) error {
			_, err := io.WriteString(w, strings.Repeat(text, 100))
			return err
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
		when := time.Now().Add(-time.Duration([]int{48, 72, 0}[i]) * time.Hour)
		if err := os.Chtimes(s.blob(sum), when, when); err != nil {
			t.Fatal(err)
		}
		sums = append(sums, sum)
	}
	trim := func(limit, wantFreed int64, want ...bool) {
		t.Helper()
		freed, err := s.Trim(limit)
		if err != nil || freed != wantFreed {
			t.Errorf("freed %d, %v; want %d", freed, err, wantFreed)
		}
		for i, there := range want {
			if _, ok := s.size(sums[i]); ok != there {
				t.Errorf("blob %d is there: %t", i, ok)
			}
		}
	}
	trim(2000, 0, true, true, true)
	trim(600, 500, true, false, true)
	s.touch(sums[0])
	trim(0, 0, true, false, true) // both were used just now
	old := time.Now().Add(-2 * inUse)
	if err := os.Chtimes(s.blob(sums[0]), old, old); err != nil {
		t.Fatal(err)
	}
	trim(0, 300, false, false, true)
}

// TestAnImageInUseIsNotTrimmed: a base from the cache counts as used.
func TestAnImageInUseIsNotTrimmed(t *testing.T) {
	s, err := OpenStore(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	ref, err := s.Program("p", "/bin/p", []byte("program"), "linux/amd64")
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(s.Dir() + "/blobs/sha256")
	if err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-2 * inUse)
	for _, e := range entries {
		if err := os.Chtimes(s.blob(e.Name()), old, old); err != nil {
			t.Fatal(err)
		}
	}
	if !s.whole(ref.Digest) {
		t.Fatal("the image is not whole")
	}
	if freed, err := s.Trim(0); err != nil || freed != 0 {
		t.Errorf("freed %d, %v", freed, err)
	}
}
