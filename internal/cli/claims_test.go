package cli

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/sandwright/sandwright/internal/config"
	"github.com/sandwright/sandwright/internal/stage"
)

// gc forgets what is kept of folders that are gone, that were not used for
// long, and of those that nobody knows; nothing else.
func TestForget(t *testing.T) {
	t.Setenv("SANDWRIGHT_HOME", t.TempDir())
	write := func(path, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	use := func() string {
		t.Helper()
		dir := t.TempDir()
		write(filepath.Join(dir, "f"), "x")
		tree, err := stage.Inspect(t.Context(), dir, stage.Options{Cache: stageCache(dir)})
		if err != nil {
			t.Fatal(err)
		}
		defer tree.Close()
		if _, err := judge(t.Context(), tree, &config.File{}, nil); err != nil {
			t.Fatal(err)
		}
		write(stageLists(dir), "12")
		write(filepath.Join(repositoriesDir(dir), "head-1", "pack"), "12345")
		return dir
	}
	used, gone, old := use(), use(), use()
	if err := os.RemoveAll(gone); err != nil {
		t.Fatal(err)
	}
	long := time.Now().Add(-unclaimed - time.Hour)
	if err := os.Chtimes(filepath.Join(claimsDir(), folderID(old)), long, long); err != nil {
		t.Fatal(err)
	}
	unknown := "/nobody/knows"
	write(stageCache(unknown), "1")
	before := sizeOf(home())
	freed, n, err := forget()
	if err != nil || n != 3 || freed != before-sizeOf(home()) || freed < 11 {
		t.Errorf("%d bytes of %d folders, %v; want 3 folders and %d bytes", freed, n, err, before-sizeOf(home()))
	}
	kept := func(dir string) (found []string) {
		for _, p := range []string{stageCache(dir), stageLists(dir), repositoriesDir(dir), filepath.Join(home(), "leaks", treeMemory+folderID(dir)), filepath.Join(claimsDir(), folderID(dir))} {
			if _, err := os.Stat(p); err == nil {
				found = append(found, filepath.Base(filepath.Dir(p)))
			}
		}
		return found
	}
	if got := kept(used); !slices.Equal(got, []string{"stage", "lists", "git", "leaks", "projects"}) {
		t.Errorf("of a folder in use only %q is left", got)
	}
	for _, dir := range []string{gone, old, unknown} {
		if got := kept(dir); got != nil {
			t.Errorf("%s is still in %q", dir, got)
		}
	}
	if _, err := os.Stat(filepath.Join(home(), "leaks", "key")); err != nil {
		t.Errorf("the key of the secrets: %v", err)
	}
	if freed, n, err := forget(); freed != 0 || n != 0 || err != nil {
		t.Errorf("the second time: %d, %d, %v", freed, n, err)
	}
}

// A folder that is used again is not forgotten.
func TestClaimAgain(t *testing.T) {
	t.Setenv("SANDWRIGHT_HOME", t.TempDir())
	dir := t.TempDir()
	file := filepath.Join(claimsDir(), folderID(dir))
	long := time.Now().Add(-2 * unclaimed)
	for range 2 {
		if err := claim(dir); err != nil || !claimed(folderID(dir)) {
			t.Fatalf("%v, or not claimed", err)
		}
		if err := os.Chtimes(file, long, long); err != nil || claimed(folderID(dir)) {
			t.Fatalf("%v, or still claimed", err)
		}
	}
}

// The store of tools is cleared with the rest, as far as it is over its limit.
func TestClearKept(t *testing.T) {
	t.Setenv("SANDWRIGHT_HOME", t.TempDir())
	if freed, n, err := clearKept(); freed != 0 || n != 0 || err != nil {
		t.Errorf("of nothing: %d, %d, %v", freed, n, err)
	}
	big := filepath.Join(storeDir(), "blobs/sha256/0")
	if err := os.WriteFile(big, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(big, 11<<30); err != nil { // a hole: it holds nothing
		t.Fatal(err)
	}
	long := time.Now().Add(-48 * time.Hour)
	if err := os.Chtimes(big, long, long); err != nil {
		t.Fatal(err)
	}
	if freed, _, err := clearKept(); freed != 11<<30 || err != nil {
		t.Errorf("%d bytes, %v", freed, err)
	}
}
