package engine

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/containerd/containerd/v2/core/mount"
	"github.com/containerd/containerd/v2/plugins/snapshots/overlay"
	"github.com/moby/buildkit/cache/metadata"
	"github.com/moby/buildkit/snapshot"
	"go.etcd.io/bbolt"

	"github.com/sandwright/sandwright/internal/overlayfs"
)

// TestWhatIsWrittenIsMountedAgain though the kernel refuses that of a volatile
// mount, and what is only read is mounted as it was.
func TestWhatIsWrittenIsMountedAgain(t *testing.T) {
	if !overlayfs.HasVolatile() {
		t.Fatal("this kernel is older than 5.10: run the tests on a newer one")
	}
	inner, err := overlay.NewSnapshotter(t.TempDir())
	must(t, err)
	t.Cleanup(func() { inner.Close() })
	s := volatileSnapshotter{snapshot.FromContainerdSnapshotter("overlayfs", inner, nil)}
	must(t, s.Prepare(t.Context(), "base", ""))
	must(t, s.Commit(t.Context(), "below", "base"))
	must(t, s.Prepare(t.Context(), "top", "below"))
	for _, name := range []string{"one", "two", "three"} {
		m, err := s.Mounts(t.Context(), "top")
		must(t, err)
		mounts, release, err := m.Mount()
		must(t, err)
		if len(mounts) != 1 || !slices.Contains(mounts[0].Options, overlayfs.Volatile) {
			t.Fatalf("%+v are mounts that bring all to the disk", mounts)
		}
		at := t.TempDir()
		must(t, mount.All(mounts, at))
		must(t, os.WriteFile(filepath.Join(at, name), []byte(name), 0o600))
		must(t, mount.Unmount(at, 0))
		must(t, release())
	}
	must(t, s.Commit(t.Context(), "written", "top"))
	m, err := s.View(t.Context(), "view", "written")
	must(t, err)
	mounts, release, err := m.Mount()
	must(t, err)
	must(t, mount.WithReadonlyTempMount(t.Context(), mounts, func(root string) error {
		entries, err := os.ReadDir(root)
		if len(entries) != 3 {
			t.Errorf("%d files are there, want 3", len(entries))
		}
		return err
	}))
	must(t, release())
	if slices.ContainsFunc(mounts, func(m mount.Mount) bool { return slices.Contains(m.Options, overlayfs.Volatile) }) {
		t.Errorf("%+v are mounts to be read", mounts)
	}
}

// TestNoTransactionWaitsForTheDisk, also of the database that BuildKit opens itself.
func TestNoTransactionWaitsForTheDisk(t *testing.T) {
	for boot, want := range map[string]bool{"this one": true, "": false} {
		store, err := metadata.NewStore(filepath.Join(t.TempDir(), "metadata_v2.db"))
		must(t, err)
		must(t, (&writeback{boot: boot}).putOff(store.DB()))
		must(t, store.DB().Update(func(tx *bbolt.Tx) error {
			if tx.DB().NoSync != want {
				t.Errorf("boot %q: a transaction waits for the disk: %v", boot, want)
			}
			return nil
		}))
		must(t, store.Close())
	}
}
