//go:build linux

package svlog

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/spec"
)

// smallDisk is a file system of 64 KiB.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("svlog-test", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Fatalf("this test mounts a tmpfs and needs root: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// A full disk holds the writer up and is told once; when there is room again,
// every line is there.
func TestFullDiskLosesNothing(t *testing.T) {
	disk := smallDisk(t)
	ballast := filepath.Join(disk, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 40<<10), 0o644); err != nil {
		t.Fatal(err)
	}
	alerts := make(chan error, 100)
	l, err := openAlone(filepath.Join(disk, "log"), spec.Rotation{MaxFiles: 3, MaxBytes: 1 << 20}, func(err error) { alerts <- err })
	if err != nil {
		t.Fatal(err)
	}
	w, s := pipe(t, l)
	const lines = 5000
	go func() {
		defer w.Close()
		for i := range lines {
			fmt.Fprintf(w, "%08d\n", i)
		}
	}()
	select {
	case err := <-alerts:
		if !strings.Contains(err.Error(), "no space left") {
			t.Errorf("alert: %v", err)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("no alert")
	}
	if got := l.Last(); got == "" {
		t.Error("Last does not answer while the disk is full")
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	s.Flush(10 * time.Second)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	got := strings.Split(strings.TrimSuffix(read(t, disk, "log", "current"), "\n"), "\n")
	if len(got) != lines || got[lines-1] != fmt.Sprintf("%08d", lines-1) {
		t.Errorf("%d lines, want %d", len(got), lines)
	}
	if len(alerts) != 0 {
		t.Errorf("%d more alerts", len(alerts))
	}
}

func TestCloseGivesUpOnAFullDisk(t *testing.T) {
	disk := smallDisk(t)
	alerts := make(chan error, 100)
	l, err := openAlone(filepath.Join(disk, "log"), spec.Rotation{}, func(err error) { alerts <- err })
	if err != nil {
		t.Fatal(err)
	}
	w, _ := pipe(t, l)
	go fmt.Fprintln(w, strings.Repeat("x", 128<<10))
	<-alerts
	start := time.Now()
	l.Close()
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("took %s", took)
	}
}

// While one log's disk is full, the others go on.
func TestFullDiskHoldsUpNobodyElse(t *testing.T) {
	disk := smallDisk(t)
	p := pool(t, Options{}, system{})
	alerts := make(chan error, 100)
	full, err := p.Open("full", filepath.Join(disk, "log"), spec.Rotation{}, func(err error) { alerts <- err })
	if err != nil {
		t.Fatal(err)
	}
	well, dir := openIn(t, p, "well", spec.Rotation{})
	w1, _ := feed(t, full, "stdout", nil)
	w2, s2 := feed(t, well, "stdout", nil)
	writing := make(chan struct{})
	go func() {
		defer close(writing)
		for range 10_000 {
			if _, err := w1.WriteString(strings.Repeat("x", 999) + "\n"); err != nil {
				return
			}
		}
	}()
	<-alerts
	for i := range 20 {
		fmt.Fprintln(w2, "line", i)
		s2.Flush(patience)
	}
	if got := strings.Count(read(t, dir, "current"), "\n"); got != 20 {
		t.Errorf("%d lines, want 20", got)
	}
	if err := full.Close(); err == nil || !strings.Contains(err.Error(), "lines of "+disk+"/log are lost: no space left") {
		t.Errorf("Close: %v", err)
	}
	<-writing
	if got := mode(t, filepath.Join(disk, "log", "current")); got != inUse {
		t.Errorf("what is not complete has mode %o", got)
	}
}

// With drop-oldest a full disk holds nobody up. The newest lines are kept, and
// where lines are missing it says how many.
func TestDropOldestMarksTheGap(t *testing.T) {
	const lines, width = 50_000, 100
	disk := smallDisk(t)
	alerts := make(chan error, 100)
	p := pool(t, Options{}, system{})
	l, err := p.Open("a", filepath.Join(disk, "log"), spec.Rotation{Overflow: spec.DropOldest}, func(err error) { alerts <- err })
	if err != nil {
		t.Fatal(err)
	}
	w, s := feed(t, l, "stdout", nil)
	for i := range lines {
		if _, err := fmt.Fprintf(w, "%0*d\n", width-1, i); err != nil {
			t.Fatal(err)
		}
	}
	<-alerts
	if err := unix.Mount("svlog-test", disk, "tmpfs", unix.MS_REMOUNT, "size=16m"); err != nil {
		t.Fatal(err)
	}
	s.Flush(patience)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	next, gaps := 0, 0
	for line := range strings.Lines(read(t, disk, "log", "current")) {
		var missing, bytes int
		if _, err := fmt.Sscanf(line, "sandwright: %d lines (%d bytes) are missing here", &missing, &bytes); err == nil {
			if bytes != missing*width {
				t.Errorf("%d lines of %d bytes", missing, bytes)
			}
			next, gaps = next+missing, gaps+1
		} else if want := fmt.Sprintf("%0*d\n", width-1, next); line != want {
			t.Fatalf("got %q, want %q", line, want)
		} else {
			next++
		}
	}
	if next != lines || gaps == 0 {
		t.Errorf("%d lines written or counted, want %d; %d gaps", next, lines, gaps)
	}
	if len(alerts) != 0 {
		t.Errorf("%d more alerts", len(alerts))
	}
}

// A rotation that cannot make a new file is told once and tried again; what was
// rotated is kept, and no line is lost.
func TestRotationWithoutRoomForAFile(t *testing.T) {
	disk := smallDisk(t)
	if err := unix.Mount("svlog-test", disk, "tmpfs", unix.MS_REMOUNT, "nr_inodes=6"); err != nil {
		t.Fatal(err)
	}
	ballast := filepath.Join(disk, "ballast") // beside disk, log, current, lock and state
	if err := os.WriteFile(ballast, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	alerts := make(chan error, 100)
	p := pool(t, Options{}, system{})
	dir := filepath.Join(disk, "log")
	l, err := p.Open("a", dir, spec.Rotation{MaxFiles: 9, MaxBytes: 10}, func(err error) { alerts <- err })
	if err != nil {
		t.Fatal(err)
	}
	w, s := feed(t, l, "stdout", nil)
	fmt.Fprint(w, "123456789\nnext\n")
	if err := <-alerts; !strings.Contains(err.Error(), "current: no space left") {
		t.Errorf("alert: %v", err)
	}
	eventually(t, "the rotated file", func() bool { return len(old(t, dir, "s")) == 1 })
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	s.Flush(patience)
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if got := all(t, dir); got != "123456789\nnext\n" {
		t.Errorf("got %q", got)
	}
	if len(alerts) != 0 {
		t.Errorf("%d more alerts", len(alerts))
	}
}
