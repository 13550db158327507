//go:build linux

package svlog

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sandwright/sandwright/internal/spec"
)

// theirs runs the real s6-log over input in a directory.
func theirs(t *testing.T, dir, input string, directives ...string) {
	t.Helper()
	cmd := exec.Command("s6-log", append(directives, dir)...)
	cmd.Stdin = strings.NewReader(input)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("this test needs s6-log (apt install s6): %v: %s", err, out)
	}
}

// ours does the same with this package.
func ours(t *testing.T, dir, input string, r spec.Rotation) {
	t.Helper()
	l := open(t, dir, r)
	w, s := pipe(t, l)
	if _, err := w.WriteString(input); err != nil {
		t.Fatal(err)
	}
	w.Close()
	s.Flush(5 * time.Second)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

// shape is the files of a log directory with their modes, stamps as a word,
// each kind once.
func shape(t *testing.T, dir string) []string {
	t.Helper()
	stamp := regexp.MustCompile(`@4[0-9a-f]{23}\.`)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, fmt.Sprintf("%s %s", stamp.ReplaceAllString(e.Name(), "@STAMP."), info.Mode()))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// content is everything logged, oldest first, with stamps as a word.
func content(t *testing.T, dir string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "@*"))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(files)
	var all bytes.Buffer
	for _, f := range append(files, filepath.Join(dir, "current")) {
		all.WriteString(read(t, f))
	}
	stamp := regexp.MustCompile(`(?m)^(@4[0-9a-f]{23}|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{9})`)
	return stamp.ReplaceAllString(all.String(), "STAMP")
}

// One difference is meant: s6-log drops a last line without newline, we keep it.
func TestLikeS6Log(t *testing.T) {
	var many strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&many, "line %d of a service that has a lot to say\n", i)
	}
	tests := []struct {
		name, input, unclean string
		directives           []string
		rotation             spec.Rotation
	}{
		{"iso8601", "a\n\nb\n", "", []string{"T", "n3"}, spec.Rotation{MaxFiles: 3, Stamp: "iso8601"}},
		{"tai64n", "a\nb\n", "", []string{"t", "n3"}, spec.Rotation{MaxFiles: 3, Stamp: "tai64n"}},
		{"nothing", "", "", []string{"n3"}, spec.Rotation{MaxFiles: 3}},
		{"continued", "c\n", "a\nb\n", []string{"n3"}, spec.Rotation{MaxFiles: 3}},
		{"rotated", many.String(), "", []string{"n100", "s4096"}, spec.Rotation{MaxFiles: 100, MaxBytes: 4096}},
		{"kept", many.String(), "", []string{"n0", "s4096"}, spec.Rotation{MaxFiles: 0, MaxBytes: 4096}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, b := filepath.Join(t.TempDir(), "s6"), filepath.Join(t.TempDir(), "ours")
			if tt.unclean != "" {
				for _, dir := range []string{a, b} {
					theirs(t, dir, tt.unclean)
					if err := os.Chmod(filepath.Join(dir, "current"), inUse); err != nil {
						t.Fatal(err)
					}
				}
			}
			theirs(t, a, tt.input, tt.directives...)
			ours(t, b, tt.input, tt.rotation)
			if want, got := shape(t, a), shape(t, b); !slices.Equal(got, want) {
				t.Errorf("files:\n%q\ns6-log:\n%q", got, want)
			}
			if tt.rotation.MaxFiles == 0 {
				return
			}
			if want, got := content(t, a), content(t, b); got != want {
				t.Errorf("content:\n%s\ns6-log:\n%s", got, want)
			}
		})
	}
}

// Either logger continues what the other has left, cleanly or not.
func TestTakesTurnsWithS6Log(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log")
	r := spec.Rotation{MaxFiles: 5}
	ours(t, dir, "1\n", r)
	theirs(t, dir, "2\n", "n5")
	ours(t, dir, "3\n", r)
	if got := content(t, dir); got != "1\n2\n3\n" {
		t.Errorf("got %q", got)
	}
	l := open(t, dir, r)
	cmd := exec.Command("s6-log", "n5", dir)
	if out, err := cmd.CombinedOutput(); err == nil {
		t.Errorf("s6-log logs where we do: %s", out)
	}
	l.Close()
}
