// Package smallfile reads whole files that are small, or refuses them: what a
// path leads to may be a pipe that nobody writes to, a device or a file
// without end.
package smallfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// ErrNotRegular is returned for what is no regular file: a folder, a pipe, a
// device.
var ErrNotRegular = errors.New("it is no regular file")

// flags open a file to be read, and wait for nobody to write to a pipe.
const flags = os.O_RDONLY | syscall.O_NONBLOCK

// Read gives the bytes of the file at path, of which there may be max. Links
// are followed. Its errors are reasons without the path, which the caller
// knows; fs.ErrNotExist and the like can be asked for.
func Read(path string, max int64) ([]byte, error) {
	return read(func() (*os.File, error) { return os.OpenFile(path, flags, 0) }, max)
}

// ReadIn is Read of a file in root. A link that leads out of it is an error.
func ReadIn(root *os.Root, name string, max int64) ([]byte, error) {
	return read(func() (*os.File, error) { return root.OpenFile(name, flags, 0) }, max)
}

// ReadBelow is Read of a file below the folder dir. A link that leads out of it
// is an error.
func ReadBelow(dir, name string, max int64) ([]byte, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, reason(err)
	}
	defer root.Close()
	return ReadIn(root, name, max)
}

// Open opens the regular file at path, of any size, and waits for nobody. Its
// errors are as those of Read.
func Open(path string) (*os.File, error) {
	return regular(os.OpenFile(path, flags, 0))
}

// regular closes what is no regular file.
func regular(f *os.File, err error) (*os.File, error) {
	if err != nil {
		return nil, reason(err)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = ErrNotRegular
	}
	if err != nil {
		f.Close()
		return nil, reason(err)
	}
	return f, nil
}

func read(open func() (*os.File, error), max int64) ([]byte, error) {
	f, err := regular(open())
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var data bytes.Buffer
	if info, err := f.Stat(); err == nil {
		data.Grow(int(min(info.Size(), max)) + bytes.MinRead)
	}
	_, err = data.ReadFrom(io.LimitReader(f, max+1)) // it may grow while it is read
	switch {
	case err != nil:
		return nil, reason(err)
	case int64(data.Len()) > max:
		return nil, fmt.Errorf("it is larger than %s", size(max))
	}
	return data.Bytes(), nil
}

// reason leaves out the operation and the path.
func reason(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// size is a limit as people say it.
func size(max int64) string {
	switch {
	case max >= 1<<20 && max%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", max>>20)
	case max >= 1<<10 && max%(1<<10) == 0:
		return fmt.Sprintf("%d KiB", max>>10)
	}
	return fmt.Sprintf("%d bytes", max)
}
