// Package logview reads the log directories of services: what is kept, and
// what comes. From the host it reads those of a running sandbox. The box can
// write in them, so nothing in them is followed out. However much was logged, it
// takes little memory, except in Last.
package logview

import (
	"context"
	"errors"
	"os"
	"path"
)

const (
	maxLine  = 1 << 20 // bytes of a line that are kept; the rest is passed over
	maxLines = 500_000 // of a service that Last gives
	maxFiles = 1000    // rotated, of a service
	maxBytes = 1 << 30 // of a file: it is read from there before its end
)

// A Line is one line of one service, with the stamp its logger gave it.
type Line struct {
	Service string `json:"service"`
	Text    string `json:"line"`
}

// A Reader reads the logs of several services. It is not safe for concurrent use.
type Reader struct {
	root     *os.Root
	services []string
	current  map[string]*tail  // that have been opened
	seen     map[string]string // of a service without: its newest rotated file that is past
}

// Open opens the folder that has one log directory a service. A service that
// has not written yet is no error. The Reader must be closed.
func Open(dir string, services []string) (*Reader, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &Reader{root: root, services: services, current: map[string]*tail{}, seen: map[string]string{}}, nil
}

// Close closes what Open and Follow opened.
func (r *Reader) Close() error {
	var errs []error
	for _, t := range r.current {
		errs = append(errs, t.file.Close())
	}
	return errors.Join(append(errs, r.root.Close())...)
}

// Last gives the last n lines of each service, all of them when n is negative,
// in the order of their stamps. The box may have put anything in its logs: of
// each service no more than maxLines lines and maxFiles files are read.
func (r *Reader) Last(n int) []Line {
	if n < 0 || n > maxLines {
		n = maxLines
	}
	var all []Line
	_ = r.kept(n, func(l Line) error {
		all = append(all, l)
		return nil
	})
	return all
}

// Stream gives the last n lines of each service to each, all of them when n is
// negative, in the order of their stamps, and with follow then what comes, as
// Follow does. It calls pause whenever there is no more for now, and returns
// the first error of each or pause. With follow that is the error of ctx, once
// what was written before its end has been given, or nil when the folder is gone.
func (r *Reader) Stream(ctx context.Context, n int, follow bool, each func(service, text string) error, pause func() error) error {
	one := func(l Line) error { return each(l.Service, l.Text) }
	if err := r.kept(n, one); err != nil {
		return err
	}
	if !follow {
		return pause()
	}
	return r.follow(ctx, one, pause)
}

// open opens a regular file, and nothing that the box may have put in its place.
func (r *Reader) open(name string) *os.File {
	f, err := r.root.OpenFile(name, os.O_RDONLY|openFlags, 0)
	if err != nil {
		return nil
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		f.Close()
		return nil
	}
	return f
}

// now is the service's current file, opened once; nil while there is none.
func (r *Reader) now(service string) *tail {
	if t := r.current[service]; t != nil {
		return t
	}
	f := r.open(path.Join(service, "current"))
	if f == nil {
		return nil
	}
	t := &tail{file: f}
	r.current[service] = t
	return t
}

// rotated tells whether current is another file by now.
func (r *Reader) rotated(service string, t *tail) bool {
	named, err := r.root.Lstat(path.Join(service, "current"))
	if err != nil {
		return false // between the rename and the new file
	}
	open, err := t.file.Stat()
	return err == nil && !os.SameFile(named, open)
}
