package engine

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// capabilities is the attribute that gives a program rights of root; see
// capabilities(7).
const capabilities = "security.capability"

// harmless takes from the files below dir what would give rights of this machine to
// who runs or opens them: setuid and setgid bits, capabilities, and devices, which
// are removed. Nobody but us can reach into dir meanwhile.
func harmless(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		switch kind := d.Type(); {
		case kind&fs.ModeDevice != 0:
			return os.Remove(path)
		case kind.IsRegular():
			if err := unix.Lremovexattr(path, capabilities); err != nil && !errors.Is(err, unix.ENODATA) && !errors.Is(err, unix.ENOTSUP) {
				return &fs.PathError{Op: "removexattr", Path: path, Err: err}
			}
		case !kind.IsDir(): // the mode of a link is nobody's
			return nil
		}
		info, err := d.Info()
		if err != nil || info.Mode()&(fs.ModeSetuid|fs.ModeSetgid) == 0 {
			return err
		}
		return os.Chmod(path, info.Mode()&(fs.ModePerm|fs.ModeSticky))
	})
}
