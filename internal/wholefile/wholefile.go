// Package wholefile puts files in their place whole or not at all, whatever
// ends the process or the machine meanwhile.
package wholefile

import (
	"bufio"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// ErrNotRegular is returned for a path that leads to a folder, a pipe or a device:
// nothing takes their place.
var ErrNotRegular = errors.New("it is no regular file")

// Pattern is how the temporary file beside path is named, as os.CreateTemp
// takes it: a process that was killed may leave one.
func Pattern(path string) string { return "." + filepath.Base(path) + ".*" }

// Put gives path the contents data and the mode.
func Put(path string, mode fs.FileMode, data []byte) error {
	return Write(path, mode, All(data))
}

// All fills a file with data.
func All(data []byte) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	}
}

// Write gives path what fill writes, and the mode, once all of it is on the
// disk: a reader finds what was there before or what is there now. A link at path is
// replaced, not followed. The folder must be there; that the new name outlives a
// power cut is not promised, but never a part of the file. After an error nothing is left. The writer is buffered, and an
// error of its own need not be looked at: it is Write's.
func Write(path string, mode fs.FileMode, fill func(io.Writer) error) error {
	return write(path, mode, fill, (*os.File).Sync)
}

// Keep is Write of what can be made anew and tells by itself that it is whole, as
// with a checksum: it waits for no disk, and a power cut may leave a part of it.
func Keep(path string, mode fs.FileMode, fill func(io.Writer) error) error {
	return write(path, mode, fill, func(*os.File) error { return nil })
}

func write(path string, mode fs.FileMode, fill func(io.Writer) error, settle func(*os.File) error) error {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return ErrNotRegular
	}
	f, err := os.CreateTemp(filepath.Dir(path), Pattern(path))
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // it has its name by then, or is of no use
	out := bufio.NewWriterSize(f, 1<<16)
	err = fill(out)
	if err == nil {
		err = errors.Join(out.Flush(), f.Chmod(mode), settle(f))
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
