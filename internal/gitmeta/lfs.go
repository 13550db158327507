package gitmeta

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Large are the files of Git LFS in the tree: their sha256, by their sums. It
// is kept, so that a large file is read once.
type large struct {
	path    string
	known   map[string]string
	used    map[string]string
	changed bool
}

// openLarge reads what was kept; what cannot be read is made again.
func openLarge(store string) *large {
	l := &large{path: filepath.Join(store, "lfs"), known: map[string]string{}, used: map[string]string{}}
	data, err := os.ReadFile(l.path)
	if err != nil {
		return l
	}
	for line := range strings.Lines(string(data)) {
		if sum, id, ok := strings.Cut(strings.TrimSpace(line), " "); ok && len(id) == 2*sha256.Size {
			l.known[sum] = id
		}
	}
	return l
}

// stands says that a staged file is what a committed pointer of Git LFS stands
// for: the pointer of the staged file, in the one form that version 1 of the
// pointer's specification allows, is what was committed.
func (l *large) stands(f fact, s Staged, newSum func(size int64) Sum) (bool, error) {
	if f.size != uint64(len(pointer(strings.Repeat("0", 2*sha256.Size), s.Size))) {
		return false, nil // of another size already
	}
	key := hex.EncodeToString([]byte(s.Sum))
	id, ok := l.known[key]
	if !ok {
		var err error
		if id, err = sha256Of(s); err != nil {
			return false, err
		}
		l.known[key], l.changed = id, true
	}
	l.used[key] = id
	sum := newSum(int64(f.size))
	_, err := io.WriteString(sum, pointer(id, s.Size))
	return sum.Sum() == f.sum, err
}

func pointer(id string, size int64) string {
	return fmt.Sprintf("version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize %d\n", id, size)
}

func sha256Of(s Staged) (string, error) {
	r, err := s.Open()
	if err != nil {
		return "", err
	}
	defer r.Close()
	h := sha256.New()
	_, err = io.Copy(h, r)
	return hex.EncodeToString(h.Sum(nil)), err
}

// save keeps what was used.
func (l *large) save() error {
	if !l.changed {
		return nil
	}
	var out strings.Builder
	for _, sum := range slices.Sorted(maps.Keys(l.used)) {
		fmt.Fprintln(&out, sum, l.used[sum])
	}
	return replace(l.path, []byte(out.String()))
}
