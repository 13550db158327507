package lock

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/smallfile"
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
	if err := replace(path, Format(l)); err != nil {
		return fault.Cannot("write %s: %w", path, err)
	}
	sweep(path)
	return nil
}

// abandoned is how old a temporary file is that nobody will rename any more.
const abandoned = time.Hour

// sweep removes what a killed Save left beside path.
func sweep(path string) {
	left, _ := filepath.Glob(temporary(path) + "[0-9]*") // what stays is tried again
	for _, name := range left {
		if info, err := os.Lstat(name); err == nil && info.Mode().IsRegular() && time.Since(info.ModTime()) > abandoned {
			_ = os.Remove(name)
		}
	}
}

// temporary is how the names of temporary files begin.
func temporary(path string) string {
	return filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".")
}

func replace(path string, data []byte) (err error) {
	dir := filepath.Dir(path)
	tmp, err := os.CreateTemp(dir, filepath.Base(temporary(path))+"*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, tmp.Close(), os.Remove(tmp.Name()))
		}
	}()
	if _, err := tmp.Write(data); err != nil {
		return err
	}
	if err := errors.Join(tmp.Chmod(0o644), tmp.Sync()); err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return err
	}
	return errors.Join(tmp.Close(), syncDir(dir))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
