//go:build linux

package svlog

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

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

// hang makes writes to what a test chooses wait.
type hang struct {
	fd      atomic.Int64
	entered chan struct{}
	release chan struct{}
}

func newHang() *hang {
	h := &hang{entered: make(chan struct{}, 100), release: make(chan struct{})}
	h.fd.Store(-1)
	return h
}

func (h *hang) write(fd int, p []byte) (int, error) {
	if int64(fd) == h.fd.Load() {
		h.entered <- struct{}{}
		<-h.release
		p = p[:(len(p)+1)/2] // the rest is for another write
	}
	return writeFile(fd, p)
}

// A write that does not return holds up its own log alone, and loses nothing.
func TestHungWriteHoldsUpNobodyElse(t *testing.T) {
	for _, overflow := range []spec.Overflow{spec.Block, spec.DropOldest} {
		h := newHang()
		p := pool(t, Options{}, system{write: h.write})
		sick, sickDir := openIn(t, p, "sick", spec.Rotation{Overflow: overflow})
		well, wellDir := openIn(t, p, "well", spec.Rotation{})
		h.fd.Store(int64(sick.dir.current))
		w1, s1 := feed(t, sick, "stdout", nil)
		w2, s2 := feed(t, well, "stdout", nil)
		fmt.Fprintln(w1, "one")
		<-h.entered
		fmt.Fprintln(w1, "two")
		for i := range 3 {
			fmt.Fprintln(w2, "line", i)
			s2.Flush(patience)
			if got := strings.Count(read(t, wellDir, "current"), "\n"); got != i+1 {
				t.Fatalf("%d lines beside a write that hangs, want %d", got, i+1)
			}
		}
		h.fd.Store(-1)
		close(h.release)
		fmt.Fprintln(w1, "three")
		s1.Flush(patience)
		if got := read(t, sickDir, "current"); got != "one\ntwo\nthree\n" {
			t.Errorf("%q: %q", overflow, got)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A disk that is slow to sync holds nobody up. Until it has, the file's name
// promises nothing.
func TestSlowSyncHoldsUpNobody(t *testing.T) {
	release := make(chan struct{})
	p := pool(t, Options{}, system{sync: func(int) error { <-release; return nil }})
	l, dir := openIn(t, p, "a", spec.Rotation{MaxFiles: 5, MaxBytes: 10})
	other, otherDir := openIn(t, p, "b", spec.Rotation{})
	w, s := feed(t, l, "stdout", nil)
	w2, s2 := feed(t, other, "stdout", nil)
	fmt.Fprint(w, "123456789\nnext\n")
	s.Flush(patience)
	if got := read(t, dir, "current"); got != "next\n" {
		t.Errorf("current has %q", got)
	}
	if u, done := old(t, dir, "u"), old(t, dir, "s"); len(u) != 1 || len(done) != 0 || mode(t, u[0]) != inUse {
		t.Errorf("unfinished %q, finished %q", u, done)
	}
	fmt.Fprintln(w2, "hello")
	s2.Flush(patience)
	if got := read(t, otherDir, "current"); got != "hello\n" {
		t.Errorf("the other log has %q", got)
	}
	close(release)
	eventually(t, "a finished file", func() bool { return len(old(t, dir, "s")) == 1 && len(old(t, dir, "u")) == 0 })
}

// What cannot be made durable never gets the name of a file that is.
func TestFailedSync(t *testing.T) {
	p := pool(t, Options{}, system{sync: func(int) error { return unix.EIO }})
	dir := t.TempDir()
	alerts := make(chan error, 10)
	l, err := p.Open("a", dir, spec.Rotation{MaxFiles: 5, MaxBytes: 10}, func(err error) { alerts <- err })
	if err != nil {
		t.Fatal(err)
	}
	w, s := feed(t, l, "stdout", nil)
	fmt.Fprint(w, "123456789\n123456789\nnext\n")
	s.Flush(patience)
	if err := <-alerts; !errors.Is(err, unix.EIO) {
		t.Errorf("alert: %v", err)
	}
	if err := l.Close(); !errors.Is(err, unix.EIO) {
		t.Errorf("Close: %v", err)
	}
	if u, done := old(t, dir, "u"), old(t, dir, "s"); len(u) != 2 || len(done) != 0 {
		t.Errorf("unfinished %q, finished %q", u, done)
	}
	if len(alerts) != 0 {
		t.Errorf("%d more alerts", len(alerts))
	}
	if got := all(t, dir); got != "123456789\n123456789\nnext\n" {
		t.Errorf("got %q", got)
	}
}

// The clock is set an hour back, and two forth: names stay in the order of
// their lines, and no file is replaced.
func TestClockJumps(t *testing.T) {
	var offset atomic.Int64
	p := pool(t, Options{}, system{now: func() time.Time { return time.Now().Add(time.Duration(offset.Load())) }})
	l, dir := openIn(t, p, "a", spec.Rotation{MaxFiles: 100, MaxBytes: 10})
	w, s := feed(t, l, "stdout", nil)
	var want strings.Builder
	for i, jump := range []time.Duration{0, -time.Hour, -time.Hour, time.Hour, 0} {
		offset.Store(int64(jump))
		for j := range 5 {
			line := fmt.Sprintf("%d-%07d\n", i, j)
			want.WriteString(line)
			fmt.Fprint(w, line)
		}
		s.Flush(patience)
	}
	l.Close()
	if got := all(t, dir); got != want.String() {
		t.Errorf("got %q", got)
	}
	if got := len(old(t, dir, "s")); got != 25 {
		t.Errorf("%d files", got)
	}
	p = pool(t, Options{}, system{now: func() time.Time { return time.Now().Add(-time.Hour) }})
	l, err := p.Open("a", dir, spec.Rotation{MaxFiles: 100, MaxBytes: 10}, nil)
	if err != nil {
		t.Fatal(err)
	}
	w, s = feed(t, l, "stdout", nil)
	fmt.Fprint(w, "123456789\n")
	want.WriteString("123456789\n")
	s.Flush(patience)
	l.Close()
	if got := all(t, dir); got != want.String() {
		t.Errorf("after a restart: got %q", got)
	}
}

// Of all logs together, the oldest rotated files go first.
func TestBudgetAcrossLogs(t *testing.T) {
	p := pool(t, Options{Total: 50}, system{})
	var dirs []string
	var writers []*os.File
	var streams []*Stream
	for i := range 3 {
		l, dir := openIn(t, p, fmt.Sprint("s", i), spec.Rotation{MaxFiles: 100, MaxBytes: 10})
		w, s := feed(t, l, "stdout", nil)
		dirs, writers, streams = append(dirs, dir), append(writers, w), append(streams, s)
	}
	rotate := func(i, times int) {
		for n := range times {
			fmt.Fprintf(writers[i], "%d-%07d\n", i, n)
			streams[i].Flush(patience)
			eventually(t, "rotation", func() bool { return len(old(t, dirs[i], "u")) == 0 })
		}
	}
	kept := func() (n [3]int) {
		for i, dir := range dirs {
			n[i] = len(old(t, dir, "s"))
		}
		return n
	}
	rotate(0, 3)
	rotate(1, 2)
	eventually(t, "5 files", func() bool { return kept() == [3]int{3, 2, 0} })
	rotate(2, 4)
	eventually(t, "the oldest gone", func() bool { return kept() == [3]int{0, 1, 4} })
}

func TestTotalBytesOfOneLog(t *testing.T) {
	p := pool(t, Options{}, system{})
	l, dir := openIn(t, p, "a", spec.Rotation{MaxFiles: 100, MaxBytes: 10, TotalBytes: 35})
	w, _ := feed(t, l, "stdout", nil)
	for i := range 10 {
		fmt.Fprintf(w, "%09d\n", i)
	}
	l.Close()
	if got := all(t, dir); got != "000000007\n000000008\n000000009\n" {
		t.Errorf("kept %q", got)
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

func TestJSONLines(t *testing.T) {
	p := pool(t, Options{}, system{})
	l, dir := openIn(t, p, `we"b`, spec.Rotation{Format: "json", Stamp: "iso8601"})
	out, s1 := feed(t, l, "stdout", nil)
	errs, s2 := feed(t, l, "stderr", nil)
	fmt.Fprint(out, "a \"quoted\"\tline\\\n")
	s1.Flush(patience)
	fmt.Fprint(errs, "\xff\x00é\u2028\n")
	s2.Flush(patience)
	want := []string{"stdout:a \"quoted\"\tline\\", "stderr:\ufffd\x00é\u2028"}
	var got []string
	for line := range strings.Lines(read(t, dir, "current")) {
		var v struct {
			Time                  time.Time
			Service, Stream, Line string
		}
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if v.Service != `we"b` || time.Since(v.Time).Abs() > time.Minute {
			t.Errorf("got %+v", v)
		}
		got = append(got, v.Stream+":"+v.Line)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Whatever a line holds, its JSON is valid and says the same.
func FuzzJSON(f *testing.F) {
	for _, text := range []string{"", "plain", "\"\\\n\r\t\x01", "é\xff\xc3", "\xed\xa0\x80", "\u2028\U0001f600"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		out := append(appendJSONText([]byte{'"'}, text), '"')
		var got string
		if err := json.Unmarshal(out, &got); err != nil {
			t.Fatalf("%q: %v", out, err)
		}
		var want strings.Builder
		for rest := text; len(rest) > 0; {
			r, size := utf8.DecodeRune(rest)
			want.WriteRune(r)
			rest = rest[size:]
		}
		if got != want.String() {
			t.Errorf("%q becomes %q", text, got)
		}
	})
}

func TestMirror(t *testing.T) {
	var shown bytes.Buffer
	p := pool(t, Options{Mirror: &shown}, system{})
	a, _ := openIn(t, p, "web", spec.Rotation{Mirror: true, Stamp: "iso8601"})
	b, _ := openIn(t, p, "quiet", spec.Rotation{})
	w1, s1 := feed(t, a, "stdout", nil)
	w2, s2 := feed(t, b, "stdout", nil)
	fmt.Fprint(w1, "one\ntwo\n")
	fmt.Fprint(w2, "unseen\n")
	s1.Flush(patience)
	s2.Flush(patience)
	p.Close()
	if got := shown.String(); got != "web | one\nweb | two\n" {
		t.Errorf("shown: %q", got)
	}
}

// A mirror that takes nothing holds no log up, and says later what it missed.
func TestStuckMirror(t *testing.T) {
	const lines = 100_000
	r, w := io.Pipe()
	p := pool(t, Options{Mirror: w}, system{})
	l, dir := openIn(t, p, "web", spec.Rotation{Mirror: true})
	in, s := feed(t, l, "stdout", nil)
	for i := range lines {
		fmt.Fprintf(in, "%09d\n", i)
	}
	in.Close()
	s.Flush(patience)
	if got := strings.Count(read(t, dir, "current"), "\n"); got != lines {
		t.Errorf("%d lines logged, want %d", got, lines)
	}
	shown := make(chan string)
	go func() {
		text, _ := io.ReadAll(r)
		shown <- string(text)
	}()
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	<-p.mirror.done
	w.Close()
	var seen, missed int
	for line := range strings.Lines(<-shown) {
		var n int
		if _, err := fmt.Sscanf(line, "sandwright | %d lines are not shown here", &n); err == nil {
			missed += n
		} else if want := fmt.Sprintf("web | %09d\n", seen+missed); line != want {
			t.Fatalf("shown %q, want %q", line, want)
		} else {
			seen++
		}
	}
	if missed == 0 || seen == 0 || seen+missed != lines {
		t.Errorf("%d shown and %d missed, of %d", seen, missed, lines)
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
