package local

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/provider"
	"github.com/sandwright/sandwright/internal/receipt"
)

// A stack are the directories of an overlay's layers, uppermost first. Nobody
// changes what is in them.
type stack []string

// A found is what the layers have at a path.
type found struct {
	at   string // on the host; empty: nothing is there
	stat unix.Stat_t
}

// unfit is why a path cannot be edited.
func unfit(name, why string) error { return fmt.Errorf("%w: %q %s", provider.ErrUnfit, name, why) }

// find looks for a path as the kernel does: in the uppermost layer that has it, if none
// above has taken it or a folder of it away. See "whiteouts and opaque directories" in
// the kernel's overlayfs.rst. It follows no link.
func (s stack) find(name string) (found, error) {
	names, folders := strings.Split(name, "/"), 0 // as many of the names have been folders
	for _, at := range s {
		covers := false
		for i, n := range names {
			at += "/" + n
			var f found
			if err := unix.Lstat(at, &f.stat); errors.Is(err, unix.ENOENT) {
				break
			} else if err != nil {
				return f, &os.PathError{Op: "lstat", Path: at, Err: err}
			}
			switch f.at = at; {
			case f.is(unix.S_IFCHR) && f.stat.Rdev == 0, i < folders && !f.is(unix.S_IFDIR):
				return found{}, nil
			case i == len(names)-1:
				return f, nil
			case !f.is(unix.S_IFDIR):
				return f, unfit(name, "is below what is no folder")
			}
			folders = max(folders, i+1)
			opaque, err := f.opaque()
			if err != nil {
				return f, err
			}
			covers = covers || opaque
		}
		if covers {
			break
		}
	}
	return found{}, nil
}

// covers tells whether a layer below the one with f has something at its path, which is
// there again when f is not laid over it.
func (s stack) covers(name string, f found) (bool, error) {
	under, err := s[slices.IndexFunc(s, f.isIn)+1:].find(name)
	return under.at != "", err
}

// isIn tells whether f is in a layer.
func (f found) isIn(layer string) bool { return strings.HasPrefix(f.at, layer+"/") }

func (f found) is(kind uint32) bool { return f.at != "" && f.stat.Mode&unix.S_IFMT == kind }

const overlayAttribute = "trusted.overlay."

// opaque tells of a folder that it covers those of its path in lower layers.
func (f found) opaque() (opaque bool, err error) {
	names, err := f.attributes()
	for _, name := range names {
		switch strings.TrimPrefix(name, overlayAttribute) {
		case "opaque":
			opaque = true
		case "redirect":
			return false, unfit(f.at, "was moved")
		}
	}
	return opaque, err
}

// attributes are the names of f's extended attributes.
func (f found) attributes() ([]string, error) {
	names := make([]byte, 4<<10)
	n, err := unix.Llistxattr(f.at, names)
	if errors.Is(err, unix.ENOTSUP) {
		return nil, nil
	}
	if err != nil {
		return nil, &os.PathError{Op: "llistxattr", Path: f.at, Err: err}
	}
	all := strings.Split(string(names[:n]), "\x00")
	return slices.DeleteFunc(all, func(name string) bool { return name == "" }), nil
}

// plain refuses a folder that has more to it than its mode, its owner and its time.
func (f found) plain(name string) error {
	names, err := f.attributes()
	if slices.ContainsFunc(names, func(n string) bool { return !strings.HasPrefix(n, overlayAttribute) }) {
		return unfit(name, "has extended attributes")
	}
	return err
}

// fits says whether the layers have what an edit takes them to have.
func (f found) fits(e provider.Edit) error {
	switch {
	case e.Was == provider.Absent && f.at == "":
		return nil
	case e.Was == provider.Absent:
		return unfit(e.Path, "is there")
	case !f.is(unix.S_IFREG):
		return unfit(e.Path, "is no file")
	case e.Was == provider.Present:
		return nil
	}
	if len(e.In) > 0 && !slices.ContainsFunc(e.In, f.isIn) {
		return unfit(e.Path, "was written by something else")
	}
	sum, err := f.sum()
	if err == nil && sum != e.Was {
		err = unfit(e.Path, "is another")
	}
	return err
}

// sum is that of a file.
func (f found) sum() (string, error) {
	if f.stat.Size > mostEdited {
		return "", unfit(f.at, "is large")
	}
	file, err := os.Open(f.at)
	if err != nil {
		return "", err
	}
	defer file.Close()
	s := receipt.NewSummer(f.stat.Size)
	_, err = io.Copy(s, file)
	return hex.EncodeToString([]byte(s.Sum())), err
}
