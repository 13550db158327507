//go:build linux

package svlog

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/spec"
)

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
