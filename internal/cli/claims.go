package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/sandwright/sandwright/internal/wholefile"
)

// unclaimed is how long what is kept of a project is kept after its last use.
const unclaimed = 90 * 24 * time.Hour

// folderID names what is kept of a folder.
func folderID(root string) string {
	sum := sha256.Sum256([]byte(root))
	return hex.EncodeToString(sum[:8])
}

func claimsDir() string { return filepath.Join(home(), "projects") }

// claim says whose the things with a folder's ID are, for gc.
func claim(root string) error {
	file := filepath.Join(claimsDir(), folderID(root))
	now := time.Now()
	if text, err := os.ReadFile(file); err == nil && string(text) == root {
		return os.Chtimes(file, now, now)
	}
	if err := os.MkdirAll(claimsDir(), 0o700); err != nil {
		return err
	}
	return wholefile.Put(file, 0o644, []byte(root))
}

// claimed says whether somebody may still use what is kept of a folder: it is
// there, and was in use not too long ago.
func claimed(id string) bool {
	file := filepath.Join(claimsDir(), id)
	info, err := os.Stat(file)
	if err != nil || time.Since(info.ModTime()) > unclaimed {
		return false
	}
	root, err := os.ReadFile(file)
	if err != nil {
		return false
	}
	_, err = os.Stat(string(root))
	return !errors.Is(err, fs.ErrNotExist)
}

// forget removes what is kept of folders that nobody uses any more, and gives
// how many bytes that were, and of how many folders.
func forget() (freed int64, folders int, err error) {
	gone := map[string]bool{}
	for _, kept := range []struct{ dir, prefix string }{{"stage", ""}, {"lists", ""}, {"git", ""}, {"leaks", treeMemory}, {"projects", ""}} {
		dir := filepath.Join(home(), kept.dir)
		entries, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return freed, len(gone), err
		}
		for _, e := range entries {
			id, ok := strings.CutPrefix(e.Name(), kept.prefix)
			if !ok || !gone[id] && (strings.HasPrefix(id, ".") || claimed(id)) {
				continue
			}
			gone[id] = true
			path := filepath.Join(dir, e.Name())
			size := sizeOf(path)
			if err := os.RemoveAll(path); err != nil {
				return freed, len(gone), err
			}
			freed += size
		}
	}
	return freed, len(gone), nil
}

// sizeOf is how many bytes the files at and below a path hold.
func sizeOf(path string) (n int64) {
	_ = filepath.WalkDir(path, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil // another process has removed it
		}
		if info, err := d.Info(); err == nil && info.Mode().IsRegular() {
			n += info.Size()
		}
		return nil
	})
	return n
}
