package stage

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
)

// A Summer gives the sum that a Tree has of a file with the same contents,
// holes or not.
func TestSummer(t *testing.T) {
	dir := t.TempDir()
	data := make([]byte, 3*chunkSize+17)
	for i := range data[chunkSize-5 : chunkSize+5] {
		data[chunkSize-5+i] = byte(i + 1)
	}
	data[len(data)-1] = 1
	for name, size := range map[string]int{"empty": 0, "small": 17, "one": chunkSize, "more": chunkSize + 1, "zeros": 2 * chunkSize, "all": len(data)} {
		if err := os.WriteFile(filepath.Join(dir, name), data[:size], 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(filepath.Join(dir, name), int64(size)); err != nil {
			t.Fatal(err)
		}
	}
	hole, err := os.Create(filepath.Join(dir, "hole"))
	if err != nil {
		t.Fatal(err)
	}
	defer hole.Close()
	if _, err := hole.WriteAt(data[chunkSize-5:], chunkSize-5); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("small", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	tree, err := Open(t.Context(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	all, err := tree.Contents(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sums := map[string]string{}
	for i, c := range all {
		want := []byte(c.Target)
		if c.Kind == File {
			r, err := tree.Read(i)
			if err != nil {
				t.Fatal(err)
			}
			if want, err = io.ReadAll(r); err != nil {
				t.Fatal(err)
			}
			r.Close()
		}
		s := NewSummer(int64(len(want)))
		if _, err := io.Copy(s, struct{ io.Reader }{iotest.HalfReader(bytes.NewReader(want))}); err != nil {
			t.Fatal(err)
		}
		if s.Sum() != c.Sum {
			t.Errorf("%s: another sum", c.Path)
		}
		sums[c.Path] = c.Sum
	}
	if len(all) != 8 || sums["hole"] != sums["all"] || sums["one"] == sums["more"] {
		t.Errorf("%d files, %x", len(all), sums)
	}
}

// Who looks for texts reads what a file holds, and one NUL for each hole, also
// where it is judged again.
func TestReadHeld(t *testing.T) {
	d := checkout(t)
	d.file("plain", "text")
	d.holes("holes", 500<<30, "secret", 0, 1<<30, 400<<30)
	d.holes("hollow", 500<<30, "")
	tree := d.stage(Options{})
	read := func(p string) string {
		i, ok := tree.find(p)
		if !ok {
			t.Fatalf("there is no %s", p)
		}
		r, err := tree.ReadHeld(i)
		d.check(err)
		defer r.Close()
		data, err := io.ReadAll(r)
		if err != nil || len(data) > 1<<20 {
			t.Fatalf("%s: %d bytes, %v", p, len(data), err)
		}
		return string(data)
	}
	if got := read("plain"); got != "text" {
		t.Errorf("plain: %q", got)
	}
	if got := read("hollow"); strings.Trim(got, "\x00") != "" {
		t.Errorf("hollow: %q", got)
	}
	if got := read("holes"); strings.Count(got, "secret") != 3 || strings.Contains(got, "secretsecret") {
		t.Errorf("holes: %d times", strings.Count(got, "secret"))
	}
}
