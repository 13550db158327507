package lock

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/sandwright/sandwright/internal/fault"
)

// Load reads the lock at path. A missing one is a fault that wraps ErrMissing.
func Load(path string) (*Lock, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		f := fault.Cannot("find %s", path).WithHint("run: sandwright lock").WithCode(fault.ExitConfig)
		f.Err = ErrMissing
		return nil, f
	}
	if err != nil {
		return nil, fault.Cannot("read the lock: %w", err)
	}
	return Parse(path, data)
}

// Save writes l to path in one step: a reader sees the old lock or the new one.
func Save(path string, l *Lock) error {
	if err := replace(path, Format(l)); err != nil {
		return fault.Cannot("write %s: %w", path, err)
	}
	return nil
}

func replace(path string, data []byte) (err error) {
	dir := filepath.Dir(path)
	tmp, err := os.CreateTemp(dir, "."+filepath.Base(path)+".*")
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
