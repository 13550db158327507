//go:build linux

package svlog

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/spec"
)

const patience = 30 * time.Second

// pool opens a pool that the test closes at the latest at its end. Of sys, what
// is nil is real.
func pool(t *testing.T, o Options, sys system) *Pool {
	t.Helper()
	if sys.now == nil {
		sys.now = time.Now
	}
	if sys.write == nil {
		sys.write = writeFile
	}
	if sys.sync == nil {
		sys.sync = unix.Fsync
	}
	p, err := newPool(o, sys)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

func openIn(t *testing.T, p *Pool, name string, r spec.Rotation) (*Log, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	l, err := p.Open(name, dir, r, func(err error) { t.Errorf("%s: alert: %v", name, err) })
	if err != nil {
		t.Fatal(err)
	}
	return l, dir
}

// feed gives the writing end of a pipe that is pumped into l.
func feed(t *testing.T, l *Log, stream string, each func([]byte)) (*os.File, *Stream) {
	t.Helper()
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	w := os.NewFile(uintptr(fds[1]), "writer")
	t.Cleanup(func() { w.Close() })
	s, err := l.PumpFD(fds[0], stream, each)
	if err != nil {
		t.Fatal(err)
	}
	return w, s
}

// eventually waits until ok is true.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not after %s", what, patience)
		}
	}
}

// all is everything in a log directory, oldest first.
func all(t *testing.T, dir string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "@*"))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(files)
	var text strings.Builder
	for _, f := range append(files, filepath.Join(dir, "current")) {
		text.WriteString(read(t, f))
	}
	return text.String()
}

// The pool needs one goroutine, however many pipes there are, and little memory
// for each.
func TestTwoHundredStreams(t *testing.T) {
	const services, lines = 200, 50
	p := pool(t, Options{}, system{})
	var logs []*Log
	var dirs []string
	var writers []*os.File
	for i := range services {
		l, dir := openIn(t, p, fmt.Sprint("service", i), spec.Rotation{MaxFiles: 3, MaxBytes: 1 << 20, Stamp: "iso8601"})
		logs, dirs = append(logs, l), append(dirs, dir)
	}
	var before, after runtime.MemStats
	goroutines := runtime.NumGoroutine()
	runtime.GC()
	runtime.ReadMemStats(&before)
	for _, l := range logs {
		w, _ := feed(t, l, "stdout", nil)
		writers = append(writers, w)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	// An *os.File of the test itself is part of it.
	if each := (int64(after.HeapAlloc) - int64(before.HeapAlloc)) / services; each > 1500 {
		t.Errorf("a stream costs %d bytes", each)
	}
	if got := runtime.NumGoroutine(); got > goroutines {
		t.Errorf("%d goroutines, %d before the streams", got, goroutines)
	}
	var writing sync.WaitGroup
	for i, w := range writers {
		writing.Go(func() {
			defer w.Close()
			for n := range lines {
				fmt.Fprintf(w, "service %d line %d\n", i, n)
			}
		})
	}
	writing.Wait()
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	for i, dir := range dirs {
		text := all(t, dir)
		if got := strings.Count(text, "\n"); got != lines || !strings.Contains(text, fmt.Sprintf("  service %d line %d\n", i, lines-1)) {
			t.Errorf("service %d: %d lines", i, got)
		}
	}
}

func TestEachHearsEveryLine(t *testing.T) {
	p := pool(t, Options{}, system{})
	l, _ := openIn(t, p, "a", spec.Rotation{Stamp: "tai64n"})
	var heard []string
	w, s := feed(t, l, "stdout", func(line []byte) { heard = append(heard, string(line)) })
	fmt.Fprint(w, "one\n\ntwo\nthr")
	s.Flush(patience)
	fmt.Fprint(w, "ee")
	w.Close()
	l.Close()
	if want := []string{"one", "", "two", "three"}; !slices.Equal(heard, want) {
		t.Errorf("heard %q", heard)
	}
}

// A file is always ready, and comes to its end.
func TestPumpOfAFile(t *testing.T) {
	p := pool(t, Options{}, system{})
	l, dir := openIn(t, p, "a", spec.Rotation{})
	path := filepath.Join(t.TempDir(), "text")
	text := strings.Repeat("a line of a file\n", 100_000)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	s, err := l.PumpFD(fd, "stdout", nil)
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-s.done:
	case <-time.After(patience):
		t.Fatal("it does not end")
	}
	if got := read(t, dir, "current"); got != text {
		t.Errorf("%d bytes, want %d", len(got), len(text))
	}
}

func TestClosedPool(t *testing.T) {
	p := pool(t, Options{}, system{})
	l, _ := openIn(t, p, "a", spec.Rotation{})
	if err := errors.Join(p.Close(), p.Close(), l.Close()); err != nil {
		t.Error(err)
	}
	if _, err := p.Open("b", t.TempDir(), spec.Rotation{}, nil); !errors.Is(err, ErrClosed) {
		t.Errorf("a closed pool opens a log: %v", err)
	}
	if _, err := l.PumpFD(-1, "stdout", nil); !errors.Is(err, ErrClosed) {
		t.Errorf("a closed log takes a pipe: %v", err)
	}
}
