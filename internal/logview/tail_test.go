package logview

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestLastLines(t *testing.T) {
	long := strings.Repeat("x", 3*blockSize)
	for _, c := range []struct {
		text     string
		n        int
		finished bool
		offset   int64
		found    int
	}{
		{"", 0, false, 0, 0},
		{"", 5, true, 0, 0},
		{"a\nb\nc\n", 0, false, 6, 0},
		{"a\nb\nc\n", 1, false, 4, 1},
		{"a\nb\nc\n", 3, false, 0, 3},
		{"a\nb\nc\n", 4, false, 0, 3},
		{"a\nb\nc", 0, false, 4, 0},
		{"a\nb\nc", 1, false, 2, 1},
		{"a\nb\nc", 0, true, 5, 0},
		{"a\nb\nc", 1, true, 4, 1},
		{"a\nb\nc", 3, true, 0, 3},
		{"\n\n\n", 2, true, 1, 2},
		{"abc", 1, false, 0, 0},
		{"abc", 1, true, 0, 1},
		{long + "\nb\n", 1, false, int64(len(long)) + 1, 1},
		{long + "\nb\n", 2, false, 0, 2},
		{"a\n" + long, 1, true, 2, 1},
		{"a\n" + long, 1, false, 0, 1},
	} {
		offset, found := lastLines(strings.NewReader(c.text), int64(len(c.text)), c.n, c.finished)
		if offset != c.offset || found != c.found {
			t.Errorf("last %d of %.20q (finished: %v): %d at %d, want %d at %d", c.n, c.text, c.finished, found, offset, c.found, c.offset)
		}
	}
}

// naive is the last n lines of texts, each a finished file but the last.
func naive(texts []string, n int) []string {
	var all []string
	for i, text := range texts {
		for line := range strings.Lines(text) {
			line, ended := strings.CutSuffix(line, "\n")
			if ended || i < len(texts)-1 {
				all = append(all, line[:min(len(line), maxLine)])
			}
		}
	}
	if n < 0 {
		return all
	}
	return all[max(0, len(all)-n):]
}

// Whatever is in the files: the last lines are those that a reader of all
// would see last, and following goes on right behind them.
func FuzzLast(f *testing.F) {
	f.Add("a\nb\n", "c\n", "d\ne", 2)
	f.Add("", "", "", -1)
	f.Add("x", "y", "z", 1)
	f.Add("\n\n", "no end", "\n", 4)
	f.Add("2026-01-01 00:00:02  b\n", "2026-01-01 00:00:01  a\n", "z\n", -1)
	f.Fuzz(func(t *testing.T, one, two, current string, n int) {
		n = max(n, -1)
		dir := t.TempDir()
		must(t, os.Mkdir(filepath.Join(dir, "a"), 0o755))
		for name, text := range map[string]string{"@1.s": one, "@2.s": two, "current": current} {
			must(t, os.WriteFile(filepath.Join(dir, "a", name), []byte(text), 0o644))
		}
		r, err := Open(dir, []string{"a"})
		must(t, err)
		defer r.Close()
		for range 2 { // it can be asked again
			var got []string
			for _, l := range r.Last(n) {
				got = append(got, l.Text)
			}
			if want := naive([]string{one, two, current}, n); !slices.Equal(got, want) {
				t.Fatalf("last %d of %q, %q, %q: %q, want %q", n, one, two, current, got, want)
			}
		}
		file, err := os.OpenFile(filepath.Join(dir, "a/current"), os.O_APPEND|os.O_WRONLY, 0)
		must(t, err)
		fmt.Fprint(file, "!\n")
		must(t, file.Close())
		var next []string
		_, err = r.more("a", bufio.NewReader(nil), func(l Line) error {
			next = append(next, l.Text)
			return nil
		})
		must(t, err)
		if want := current[strings.LastIndexByte(current, '\n')+1:] + "!"; len(next) != 1 || next[0] != want {
			t.Errorf("after %q comes %q, want %q", current, next, want)
		}
	})
}

// Files as long as a hostile box likes do not hide their last line.
func TestSparseFiles(t *testing.T) {
	dir, r := logs(t, map[string]string{"a/current": "", "a/@1.s": ""}, "a")
	for _, name := range []string{"a/@1.s", "a/current"} {
		f, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY, 0)
		must(t, err)
		must(t, f.Truncate(1<<40))
		_, err = f.WriteAt([]byte("\nlast of "+name+"\n"), 1<<40)
		must(t, err)
		must(t, f.Close())
	}
	if got := texts(r.Last(1)); !slices.Equal(got, []string{"a:last of a/current"}) {
		t.Errorf("got %.80q", got)
	}
}

func TestALongLineLeavesNoMemory(t *testing.T) {
	_, r := logs(t, map[string]string{"a/current": strings.Repeat("x", 2*maxLine) + "\nb\n"}, "a")
	if lines := r.Last(-1); len(lines) != 2 {
		t.Fatalf("%d lines", len(lines))
	}
	if kept := cap(r.current["a"].partial); kept > blockSize {
		t.Errorf("%d bytes are kept", kept)
	}
}

// shrinking is a file that is cut off while it is read.
type shrinking struct{ *bytes.Reader }

func (s shrinking) ReadAt(p []byte, at int64) (int, error) {
	if at < blockSize {
		return 0, os.ErrInvalid
	}
	return s.Reader.ReadAt(p, at)
}

func TestLastLinesOfWhatCannotBeRead(t *testing.T) {
	text := []byte(strings.Repeat("x\n", blockSize))
	offset, found := lastLines(shrinking{bytes.NewReader(text)}, int64(len(text)), len(text), false)
	if offset != blockSize || found != blockSize/2 {
		t.Errorf("%d at %d", found, offset)
	}
}
