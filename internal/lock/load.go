package lock

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/smallfile"
	"github.com/sandwright/sandwright/internal/wholefile"
)

// Load reads the lock at path. A missing one is a fault that wraps ErrMissing.
func Load(path string) (*Lock, error) {
	data, err := smallfile.Read(path, maxBytes)
	if errors.Is(err, fs.ErrNotExist) {
		f := fault.Cannot("find %s", path).WithHint("run: sandwright lock").WithCode(fault.ExitConfig)
		f.Err = ErrMissing
		return nil, f
	}
	if err != nil {
		return nil, fault.Position{File: path}.Cannot("read the lock: %w", err).WithHint("%s", startOver)
	}
	return Parse(path, data)
}

// maxBytes bounds a lock, which may be a link to anything: ten tools with
// closures of thousands of packages need less.
const maxBytes = 64 << 20

// Save writes l to path in one step: a reader sees the old lock or the new one.
func Save(path string, l *Lock) error {
	err := wholefile.Put(path, 0o644, Format(l))
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	if err != nil {
		return fault.Cannot("write %s: %w", path, err)
	}
	sweep(path)
	return nil
}

// abandoned is how old a temporary file is that nobody will rename any more.
const abandoned = time.Hour

// sweep removes what a killed Save left beside path.
func sweep(path string) {
	temporary := strings.TrimSuffix(wholefile.Pattern(path), "*") + "[0-9]*"
	left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), temporary)) // what stays is tried again
	for _, name := range left {
		if info, err := os.Lstat(name); err == nil && info.Mode().IsRegular() && time.Since(info.ModTime()) > abandoned {
			_ = os.Remove(name)
		}
	}
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
