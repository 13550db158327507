package leak

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sandwright/sandwright/internal/tokens"
)

// A shelf is files in memory that count how often they are read.
type shelf struct {
	files []File
	texts map[string]string // by path
	reads atomic.Int64
}

func (s *shelf) open(place int) (io.ReadCloser, error) {
	s.reads.Add(1)
	return io.NopCloser(strings.NewReader(s.texts[s.files[place].Path])), nil
}

func (s *shelf) put(path, text string) {
	sum := sha256.Sum256([]byte(text))
	if s.texts == nil {
		s.texts = map[string]string{}
		s.files = append(s.files, File{Path: ".env.d"}) // a folder
	}
	s.texts[path] = text
	f := File{Path: path, Sum: string(sum[:])}
	s.files = slices.DeleteFunc(s.files, func(f File) bool { return f.Path == path })
	s.files = append(s.files, f)
	slices.SortFunc(s.files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
}

// look gives each suspect as a line, and how many files were read.
func (s *shelf) look(t *testing.T, dir string, values map[string]string) (lines []string, reads int) {
	t.Helper()
	tree, err := NewTree(values, dir, "tree-x")
	if err != nil {
		t.Fatal(err)
	}
	s.reads.Store(0)
	found, err := tree.Look(t.Context(), s.files, s.open)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		lines = append(lines, strings.TrimSpace(f.Shown+" "+f.Variable+f.What))
	}
	return lines, int(s.reads.Load())
}

func token() string { return "gh" + "p_" + "4fG7hJ2kL9mN1pQ3rS5tV8wX0yZ6aB2cD4eF" }

func TestTreeIsReadOnce(t *testing.T) {
	dir, s := filepath.Join(t.TempDir(), "leaks"), &shelf{}
	s.put("a.txt", "harmless")
	s.put("b.ini", "token="+token())
	s.put("copy.txt", "harmless")
	s.put(".env.local", "A=b")
	want := []string{".env.local a file of environment variables", "b.ini a token of GitHub"}
	for step, c := range []struct {
		change func()
		values map[string]string
		want   []string
		reads  int
	}{
		{func() {}, nil, want, 3}, // the same contents once
		{func() {}, nil, want, 0},
		{func() { s.put("c.txt", "new") }, nil, want, 1},
		{func() {}, nil, want, 0},
		{func() { s.put("c.txt", "with sesame-4711") }, map[string]string{"KEY": "sesame-4711"}, append(want, "c.txt KEY"), 4},
		{func() {}, map[string]string{"KEY": "sesame-4711"}, append(want, "c.txt KEY"), 1}, // what holds one is looked into again
		{func() { s.put("c.txt", "without") }, map[string]string{"KEY": "sesame-4711"}, want, 1},
		{func() {}, map[string]string{"KEY": "sesame-4712"}, want, 4}, // another value
		{func() { s.files = s.files[:3] }, map[string]string{"KEY": "sesame-4712"}, want[:1], 0},
	} {
		c.change()
		lines, reads := s.look(t, dir, c.values)
		if diff := cmp.Diff(c.want, lines); diff != "" || reads != c.reads {
			t.Errorf("step %d: %d reads, want %d:\n%s", step, reads, c.reads, diff)
		}
	}
}

// What is kept says nothing of a secret, and is of no use when it is broken.
func TestTreeMemory(t *testing.T) {
	dir, s := t.TempDir(), &shelf{}
	s.put("a.txt", "harmless")
	s.put("b.ini", token())
	values := map[string]string{"KEY": "sesame-4711"}
	want, _ := s.look(t, dir, values)
	path := filepath.Join(dir, "tree-x")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"sesame", "KEY", token()[4:20]} {
		if strings.Contains(string(data), secret) {
			t.Errorf("the file holds %q", secret)
		}
	}
	for name, broken := range map[string][]byte{
		"empty": {}, "short": data[:20], "cut": data[:len(data)-1], "changed": append([]byte{data[0] ^ 1}, data[1:]...), "longer": append(slices.Clone(data), 0),
	} {
		if err := os.WriteFile(path, broken, 0o600); err != nil {
			t.Fatal(err)
		}
		if lines, reads := s.look(t, dir, values); !slices.Equal(lines, want) || reads != 2 {
			t.Errorf("%s: %d reads, %q", name, reads, lines)
		}
	}
}

// A secret in a name is found, and the name is shown without it.
func TestSecretInAName(t *testing.T) {
	s := &shelf{}
	s.put("logs/sesame-4711.txt", "x")
	lines, _ := s.look(t, t.TempDir(), map[string]string{"KEY": "sesame-4711"})
	if len(lines) != 1 || strings.Contains(lines[0], "sesame") || !strings.HasSuffix(lines[0], "KEY") {
		t.Errorf("%q", lines)
	}
}

func TestTreeThatCannotBeRead(t *testing.T) {
	gone := errors.New("gone")
	tree, err := NewTree(nil, t.TempDir(), "tree-x")
	if err != nil {
		t.Fatal(err)
	}
	files := []File{{Path: "a", Sum: strings.Repeat("s", 32)}}
	fail := func(int) (io.ReadCloser, error) { return nil, gone }
	if _, err := tree.Look(t.Context(), files, fail); !errors.Is(err, gone) {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := tree.Look(ctx, files, fail); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func FuzzMemory(f *testing.F) {
	m := &memory{key: "k", suspects: nil}
	f.Add([]byte("k\n00\n\n0123456789abcdef"))
	f.Add([]byte("k\n-\n00 1 a token\n\n"))
	f.Fuzz(func(t *testing.T, body []byte) {
		sum := sha256.Sum256(body)
		n := &memory{key: m.key, suspects: map[string][]tokens.Finding{}}
		if n.decode(append(body, sum[:]...)) && len(n.rest)%shortSum != 0 {
			t.Error("a part of a sum")
		}
	})
}
