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
	l, err := Open(filepath.Join(disk, "log"), spec.Rotation{MaxFiles: 3, MaxBytes: 1 << 20}, func(err error) { alerts <- err })
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
	l, err := Open(filepath.Join(disk, "log"), spec.Rotation{}, func(err error) { alerts <- err })
	if err != nil {
		t.Fatal(err)
	}
	w, _ := pipe(t, l)
	go fmt.Fprintln(w, strings.Repeat("x", 128<<10))
	<-alerts
	start := time.Now()
	l.Close()
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("took %s", took)
	}
}
