package svlog

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sandwright/sandwright/internal/tai64n"
)

// A budget bounds the rotated files of all logs together.
type budget struct {
	limit int64 // bytes; 0 is none

	mu      sync.Mutex // never held across a system call
	shelves map[*shelf]bool
}

func newBudget(limit int64) *budget { return &budget{limit: limit, shelves: map[*shelf]bool{}} }

// A shelf is the rotated files of one log directory.
type shelf struct {
	budget *budget
	path   string
	how    policy

	// Guarded by the budget's mutex:
	files  []rotated // oldest first
	newest string    // stamp that was given out last
}

// A rotated file has the name @STAMP.s or @STAMP.u.
type rotated struct {
	name string
	size int64
}

// A victim is a file that is one too many.
type victim struct {
	from *shelf
	file rotated
}

// open reads what a directory holds from earlier.
func (b *budget) open(path string, how policy) (*shelf, error) {
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	s := &shelf{budget: b, path: path, how: how}
	for _, e := range entries { // sorted by name, and so by age
		if !isRotated(e.Name()) {
			continue
		}
		if info, err := e.Info(); err == nil {
			s.files = append(s.files, rotated{e.Name(), info.Size()})
		}
	}
	if n := len(s.files); n > 0 {
		s.newest, _, _ = strings.Cut(s.files[n-1].name, ".")
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.shelves[s] = true
	return s, nil
}

func byAge(a, b rotated) int { return strings.Compare(a.name, b.name) }

// isRotated tells whether name is one that a rotated file has.
func isRotated(name string) bool {
	stamp, ext, found := strings.Cut(name, ".")
	if !found || (ext != "s" && ext != "u") {
		return false
	}
	_, err := tai64n.Parse(stamp)
	return err == nil
}

// stamp is that of now, or the one after the newest when the clock has been set
// back.
func (s *shelf) stamp(now time.Time) string {
	s.budget.mu.Lock()
	defer s.budget.mu.Unlock()
	stamp := tai64n.Format(now)
	if stamp <= s.newest {
		if newest, err := tai64n.Parse(s.newest); err == nil {
			stamp = tai64n.Format(newest.Add(time.Nanosecond))
		}
	}
	s.newest = stamp
	return stamp
}

// put adds a file.
func (s *shelf) put(f rotated) {
	s.budget.mu.Lock()
	defer s.budget.mu.Unlock()
	at, _ := slices.BinarySearchFunc(s.files, f, byAge)
	s.files = slices.Insert(s.files, at, f)
}

// trim removes the oldest files of this log that are too many or too large,
// and then the oldest of all logs. What cannot be removed now is tried again at
// the next rotation.
func (s *shelf) trim() error {
	var errs []error
	for _, v := range s.budget.victims(s) {
		if err := remove(filepath.Join(v.from.path, v.file.name)); err != nil {
			v.from.put(v.file)
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// victims takes off the shelves what has to go.
func (b *budget) victims(s *shelf) (gone []victim) {
	b.mu.Lock()
	defer b.mu.Unlock()
	total := s.size()
	for len(s.files) > 0 && (len(s.files) > s.how.MaxFiles || s.how.TotalBytes > 0 && total > s.how.TotalBytes) {
		total -= s.files[0].size
		gone = append(gone, s.take())
	}
	for b.limit > 0 {
		oldest := b.oldest()
		if oldest == nil || b.size() <= b.limit {
			break
		}
		gone = append(gone, oldest.take())
	}
	return gone
}

// take takes the oldest file.
func (s *shelf) take() victim {
	v := victim{s, s.files[0]}
	s.files = slices.Delete(s.files, 0, 1)
	return v
}

func (s *shelf) size() (total int64) {
	for _, f := range s.files {
		total += f.size
	}
	return total
}

func (b *budget) size() (total int64) {
	for s := range b.shelves {
		total += s.size()
	}
	return total
}

// oldest is the shelf with the oldest file; nil when all are empty.
func (b *budget) oldest() (found *shelf) {
	for s := range b.shelves {
		if len(s.files) > 0 && (found == nil || s.files[0].name < found.files[0].name) {
			found = s
		}
	}
	return found
}

// close takes the log out of the budget; its files stay.
func (s *shelf) close() {
	s.budget.mu.Lock()
	defer s.budget.mu.Unlock()
	delete(s.budget.shelves, s)
}
