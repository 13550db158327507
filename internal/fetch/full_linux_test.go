package fetch

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/fault"
)

// TestAFullDisk: the fault says which disk, nothing half-written stays to fill
// it, and with room again the same call succeeds.
func TestAFullDisk(t *testing.T) {
	r := newRegistry(t)
	tool := zerosTool(t, r)
	disk := t.TempDir()
	if err := unix.Mount("fetch-test", disk, "tmpfs", 0, "size=160k"); err != nil {
		t.Fatalf("this test mounts a tmpfs and needs root: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(disk, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	f := r.fetcher(t)
	var err error
	if f.store, err = OpenStore(disk); err != nil {
		t.Fatal(err)
	}
	before := len(r.asked(".tgz"))
	for _, c := range []struct{ size, what string }{{"160k", "zeros@1.0.0"}, {"20m", "tool zeros"}} { // full of the download, full of the layer
		if err := unix.Mount("fetch-test", disk, "tmpfs", unix.MS_REMOUNT, "size="+c.size); err != nil {
			t.Fatal(err)
		}
		_, err := f.ToolLayer(t.Context(), "zeros", tool, amd64)
		if err == nil || !strings.Contains(err.Error(), "the disk of "+disk+" is full") || !strings.Contains(fault.All(err)[0].Hint, "sandwright gc") {
			t.Errorf("%s: got %v", c.size, err)
		}
		nothingKept(t, f.store)
	}
	if asked := len(r.asked(".tgz")) - before; asked != 2 {
		t.Errorf("the tarball was asked for %d times: a full disk is no reason to try again", asked)
	}
	if err := unix.Mount("fetch-test", disk, "tmpfs", unix.MS_REMOUNT, "size=64m"); err != nil {
		t.Fatal(err)
	}
	if ref, err := f.ToolLayer(t.Context(), "zeros", tool, amd64); err != nil || !f.store.whole(ref.Digest) {
		t.Errorf("with room again: %v, %v", ref, err)
	}
	if err := os.RemoveAll(filepath.Join(disk, "blobs")); err != nil {
		t.Fatal(err)
	}
}

// TestOpeningAStoreOnAFullDisk says so, too.
func TestOpeningAStoreOnAFullDisk(t *testing.T) {
	disk := t.TempDir()
	if err := unix.Mount("fetch-test", disk, "tmpfs", 0, "nr_inodes=3"); err != nil {
		t.Fatalf("this test mounts a tmpfs and needs root: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(disk, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	if _, err := OpenStore(disk); err == nil || !strings.Contains(err.Error(), "the disk of "+disk+" is full") {
		t.Errorf("got %v", err)
	}
}
