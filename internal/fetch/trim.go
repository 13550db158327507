package fetch

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// DefaultMaxBytes bounds a store that was not given a limit.
const DefaultMaxBytes = 10 << 30

// inUse is how long a blob counts as in use after it was used.
const inUse = time.Hour

// Trim removes the blobs that have not been used for longest until the store
// holds at most limit bytes, and gives how many bytes it removed. What was
// used within the last hour stays. What is gone is fetched or made again.
func (s *Store) Trim(limit int64) (freed int64, err error) {
	dir := filepath.Join(s.dir, "blobs/sha256")
	entries, err := os.ReadDir(dir)
	if err != nil {
		return 0, err
	}
	var blobs []fs.FileInfo
	var total int64
	for _, e := range entries {
		if info, err := e.Info(); err == nil { // else another process has removed it
			blobs = append(blobs, info)
			total += info.Size()
		}
	}
	slices.SortFunc(blobs, func(a, b fs.FileInfo) int {
		return cmp.Or(a.ModTime().Compare(b.ModTime()), cmp.Compare(a.Name(), b.Name()))
	})
	for _, b := range blobs {
		if total <= limit || time.Since(b.ModTime()) < inUse {
			break
		}
		if err := os.Remove(filepath.Join(dir, b.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return freed, err
		}
		total -= b.Size()
		freed += b.Size()
	}
	return freed, nil
}

// touch marks a blob as used now.
func (s *Store) touch(sum string) {
	now := time.Now()
	_ = os.Chtimes(s.blob(sum), now, now) // a store that cannot be written is not trimmed either
}
