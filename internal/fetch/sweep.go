package fetch

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// partialAge is how long the part of an interrupted download is kept.
const partialAge = 7 * 24 * time.Hour

// enter marks the store as used by this process until the Store is no longer
// reachable. A process that finds it used by nobody first removes what killed
// ones left unfinished: all of tmp, and downloads that nobody took up again.
func (s *Store) enter() error {
	use, err := os.OpenFile(filepath.Join(s.dir, "locks/use"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return err
	}
	if lockFile(use, syscall.LOCK_EX|syscall.LOCK_NB) == nil {
		s.sweep("tmp", 0)
		s.sweep("partial", partialAge)
	}
	if err := lockFile(use, syscall.LOCK_SH); err != nil {
		return errors.Join(err, use.Close())
	}
	s.use = use
	return nil
}

func lockFile(file *os.File, how int) error {
	for {
		if err := syscall.Flock(int(file.Fd()), how); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

// sweep removes what in a folder of the store has not been touched for age.
func (s *Store) sweep(folder string, age time.Duration) {
	entries, _ := os.ReadDir(filepath.Join(s.dir, folder))
	for _, e := range entries {
		if info, err := e.Info(); err == nil && time.Since(info.ModTime()) >= age {
			_ = os.RemoveAll(filepath.Join(s.dir, folder, e.Name())) // what stays is tried again
		}
	}
}
