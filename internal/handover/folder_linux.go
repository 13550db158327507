package handover

import (
	"errors"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// maxDepth bounds how deep a folder is that is looked through or removed.
const maxDepth = 200

// errBlocked is given where something that is no folder is on the way to a path.
var errBlocked = errors.New("something that is no folder is on the way to it")

// at opens the folder that a path is in, and looks at the path without
// following a link. A zero number of the file says that nothing is there, and a
// negative folder neither. With errBlocked, base is what is on the way.
func (t *taker) at(name string) (dir int, base string, st unix.Stat_t, err error) {
	dir, base, err = t.folder(name, false)
	if err == nil {
		err = unix.Fstatat(dir, base, &st, unix.AT_SYMLINK_NOFOLLOW)
	}
	if errors.Is(err, unix.ENOENT) {
		return dir, base, unix.Stat_t{}, nil
	}
	return dir, base, st, err
}

// folder opens the one that a path is in, and makes it where asked to: in the
// place of a file or a link too, where all is overwritten.
func (t *taker) folder(name string, make bool) (fd int, base string, err error) {
	fd, err = unix.Openat(t.root, ".", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	dir, base := path.Split(name)
	for at, part := range strings.Split(strings.TrimSuffix(dir, "/"), "/") {
		if err != nil || part == "" {
			break
		}
		above := fd
		fd, err = enter(above, part, make, make && t.offer.Force)
		unix.Close(above)
		if errors.Is(err, errBlocked) {
			base = path.Join(strings.Split(name, "/")[:at+1]...)
		}
	}
	return fd, base, err
}

// enter opens a folder in another one.
func enter(above int, part string, make, force bool) (fd int, err error) {
	const flags = unix.O_PATH | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC
	if make {
		if err := unix.Mkdirat(above, part, 0o755); err != nil && !errors.Is(err, unix.EEXIST) {
			return -1, err
		}
	}
	fd, err = unix.Openat(above, part, flags, 0)
	if !errors.Is(err, unix.ENOTDIR) && !errors.Is(err, unix.ELOOP) {
		return fd, err
	}
	if !force {
		return -1, errBlocked
	}
	if err := errors.Join(unix.Unlinkat(above, part, 0), unix.Mkdirat(above, part, 0o755)); err != nil {
		return -1, err
	}
	return unix.Openat(above, part, flags, 0)
}

// foreign is a path below a folder that the offer does not remove, and that is
// no folder; empty where there is none.
func (t *taker) foreign(name string) (found string, err error) {
	dir, base, _, err := t.at(name)
	defer unix.Close(dir)
	if err != nil {
		return "", err
	}
	err = t.walk(dir, base, maxDepth, func(_ int, below string, folder bool) error {
		if below = path.Join(name, below); !folder && !t.removes[below] && found == "" {
			found = below
		}
		return nil
	})
	return found, err
}

// remove removes what stands there, if anything does; of a folder the folders
// in it, and the files only if all is to go.
func (t *taker) remove(dir int, base string, all bool) error {
	err := unix.Unlinkat(dir, base, 0)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if !errors.Is(err, unix.EISDIR) {
		return err
	}
	err = t.walk(dir, base, maxDepth, func(in int, below string, folder bool) error {
		if folder {
			return unix.Unlinkat(in, path.Base(below), unix.AT_REMOVEDIR)
		}
		if all {
			return unix.Unlinkat(in, path.Base(below), 0)
		}
		return errors.New(below + " was made in the box just now")
	})
	if err != nil {
		return err
	}
	return unix.Unlinkat(dir, base, unix.AT_REMOVEDIR)
}

// walk visits all that is below a folder, each folder after what is in it. It
// follows no link.
func (t *taker) walk(dir int, base string, depth int, visit func(in int, below string, folder bool) error) error {
	if depth == 0 {
		return errors.New("it is too deep")
	}
	fd, err := unix.Openat(dir, base, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(fd), base)
	defer f.Close()
	names, err := f.Readdirnames(-1)
	for _, name := range names {
		t.tick()
		var st unix.Stat_t
		if err := unix.Fstatat(fd, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return err
		}
		folder := st.Mode&unix.S_IFMT == unix.S_IFDIR
		if folder {
			err := t.walk(fd, name, depth-1, func(in int, below string, folder bool) error {
				return visit(in, path.Join(name, below), folder)
			})
			if err != nil {
				return err
			}
		}
		if err := visit(fd, name, folder); err != nil {
			return err
		}
	}
	return err
}
