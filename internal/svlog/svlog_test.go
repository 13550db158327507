//go:build linux

package svlog

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/spec"
)

// open opens a log that the test closes at the latest at its end.
func open(t *testing.T, dir string, r spec.Rotation) alone {
	t.Helper()
	l, err := openAlone(dir, r, func(err error) { t.Errorf("alert: %v", err) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// pipe gives the writing end of a pipe that is pumped into l.
func pipe(t *testing.T, l alone) (*os.File, *Stream) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	s, err := l.Pump(r)
	if err != nil {
		t.Fatal(err)
	}
	return w, s
}

func read(t *testing.T, elem ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(elem...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// old lists the rotated files of dir, oldest first.
func old(t *testing.T, dir, ext string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "@*."+ext))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(files)
	return files
}

func mode(t *testing.T, path string) os.FileMode {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode()
}

func TestStamps(t *testing.T) {
	tests := map[string]string{
		"iso8601": `^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{9}  hello\n$`,
		"tai64n":  `^@[0-9a-f]{24} hello\n$`,
		"none":    `^hello\n$`,
	}
	for stamp, want := range tests {
		dir := t.TempDir()
		l := open(t, dir, spec.Rotation{Stamp: stamp})
		w, s := pipe(t, l)
		fmt.Fprintln(w, "hello")
		s.Flush(time.Second)
		if got := read(t, dir, "current"); !regexp.MustCompile(want).MatchString(got) {
			t.Errorf("%s: %q", stamp, got)
		}
	}
}

func TestLinesAreVisibleAtOnce(t *testing.T) {
	dir := t.TempDir()
	w, _ := pipe(t, open(t, dir, spec.Rotation{}))
	for i := range 5 {
		start := time.Now()
		fmt.Fprintln(w, "line", i)
		for !strings.Contains(read(t, dir, "current"), fmt.Sprint("line ", i)) {
			if time.Since(start) > 20*time.Second {
				t.Fatalf("line %d is not there after 20s", i)
			}
			time.Sleep(time.Millisecond)
		}
	}
}

func TestStreamsInterleaveByLine(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, spec.Rotation{})
	stdout, s1 := pipe(t, l)
	stderr, s2 := pipe(t, l)
	fmt.Fprint(stdout, "half of ")
	s1.Flush(time.Second)
	fmt.Fprintln(stderr, "another")
	s2.Flush(time.Second)
	fmt.Fprintln(stdout, "one")
	s1.Flush(time.Second)
	if got, want := read(t, dir, "current"), "another\nhalf of one\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestPartialLastLineIsWrittenAtTheEnd(t *testing.T) {
	dir := t.TempDir()
	w, s := pipe(t, open(t, dir, spec.Rotation{}))
	fmt.Fprint(w, "first\nno newline")
	s.Flush(time.Second)
	if got := read(t, dir, "current"); got != "first\n" {
		t.Errorf("before the end: %q", got)
	}
	w.Close()
	select {
	case <-s.done: // Flush waits for what is in the pipe, not for its end
	case <-time.After(time.Minute):
		t.Fatal("the stream does not end")
	}
	if got := read(t, dir, "current"); got != "first\nno newline\n" {
		t.Errorf("after the end: %q", got)
	}
}

func TestRotationKeepsWholeLinesAndTheNewestFiles(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, spec.Rotation{MaxFiles: 3, MaxBytes: 1000})
	w, s := pipe(t, l)
	for i := range 1000 {
		fmt.Fprintf(w, "line %04d\n", i)
	}
	w.Close()
	s.Flush(time.Second)
	l.Close() // what is rotated is durable by then
	files := old(t, dir, "s")
	if len(files) != 3 {
		t.Fatalf("%d rotated files, want 3", len(files))
	}
	var all string
	for _, f := range files {
		if got := mode(t, f); got != finished {
			t.Errorf("%s has mode %o", f, got)
		}
		text := read(t, f)
		if len(text) != 1000 {
			t.Errorf("%s has %d bytes", f, len(text))
		}
		all += text
	}
	all += read(t, dir, "current")
	var want string
	for i := 1000 - len(all)/10; i < 1000; i++ {
		want += fmt.Sprintf("line %04d\n", i)
	}
	if all != want {
		t.Errorf("kept %q", all)
	}
}

func TestCurrentTellsHowItsWriterEnded(t *testing.T) {
	dir := t.TempDir()
	write := func(text string) alone {
		l := open(t, dir, spec.Rotation{MaxFiles: 5})
		w, s := pipe(t, l)
		fmt.Fprintln(w, text)
		s.Flush(time.Second)
		return l
	}
	current := filepath.Join(dir, "current")
	l := write("one")
	if got := mode(t, current); got != inUse {
		t.Errorf("in use: mode %o", got)
	}
	l.Close()
	if got := mode(t, current); got != finished {
		t.Errorf("closed: mode %o", got)
	}
	write("two").Close()
	if got := read(t, current); got != "one\ntwo\n" {
		t.Errorf("what was finished is not continued: %q", got)
	}
	if err := os.Chmod(current, inUse); err != nil {
		t.Fatal(err)
	}
	write("three").Close()
	if got := read(t, current); got != "three\n" {
		t.Errorf("what was not finished is continued: %q", got)
	}
	if left := old(t, dir, "u"); len(left) != 1 || read(t, left[0]) != "one\ntwo\n" {
		t.Errorf("unfinished files: %q", left)
	}
}

func TestADirectoryHasOneLogger(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, spec.Rotation{})
	if _, err := openAlone(dir, spec.Rotation{}, nil); !errors.Is(err, unix.EAGAIN) || !strings.Contains(err.Error(), "held by another logger") {
		t.Errorf("second logger: %v", err)
	}
	l.Close()
	open(t, dir, spec.Rotation{})
}

func TestOpenFailsWhereNothingCanBeMade(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := openAlone(filepath.Join(file, "log"), spec.Rotation{}, nil); !errors.Is(err, unix.ENOTDIR) {
		t.Errorf("got %v", err)
	}
}

// A line of 100 MB neither grows memory nor loses a byte.
func TestVeryLongLine(t *testing.T) {
	const size = 100 << 20
	dir := t.TempDir()
	w, s := pipe(t, open(t, dir, spec.Rotation{MaxFiles: 2, MaxBytes: 1 << 20}))
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	chunk := bytes.Repeat([]byte("x"), 1<<20)
	for range size / len(chunk) {
		if _, err := w.Write(chunk); err != nil {
			t.Fatal(err)
		}
	}
	fmt.Fprintln(w)
	s.Flush(5 * time.Second)
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapSys) - int64(before.HeapSys); grown > 16<<20 {
		t.Errorf("the heap has grown by %d MB", grown>>20)
	}
	files := old(t, dir, "s")
	if len(files) != 2 {
		t.Fatalf("%d rotated files, want 2", len(files))
	}
	for line := range strings.Lines(read(t, files[0])) {
		if len(line) != maxLine+1 {
			t.Fatalf("a piece of %d bytes", len(line))
		}
	}
}

func TestCloseDoesNotWaitForWriters(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, spec.Rotation{})
	w, _ := pipe(t, l)
	fmt.Fprint(w, "said\nunfinished")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if got := read(t, dir, "current"); got != "said\nunfinished\n" {
		t.Errorf("got %q", got)
	}
	if _, err := l.Pump(w); !errors.Is(err, ErrClosed) {
		t.Errorf("a closed log takes a pipe: %v", err)
	}
}

func TestLast(t *testing.T) {
	l := open(t, t.TempDir(), spec.Rotation{})
	w, s := pipe(t, l)
	for _, tt := range []struct{ write, want string }{
		{"", ""},
		{"one\ntwo\n", "two"},
		{"\n  \n", "two"},
		{"  \x1b[31mthree\x00\xff\n\n", "[31mthree "},
		{strings.Repeat("x", 300) + "\n", strings.Repeat("x", 200)},
	} {
		fmt.Fprint(w, tt.write)
		s.Flush(time.Second)
		if got := strings.TrimLeft(l.Last(), " "); got != tt.want {
			t.Errorf("after %q: %q, want %q", tt.write, got, tt.want)
		}
	}
}
