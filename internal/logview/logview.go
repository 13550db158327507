// Package logview reads the log directories of a running sandbox from the
// host: what is kept, and what comes. The box can write in those directories,
// so nothing in them is followed out.
package logview

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"
)

const (
	maxLine  = 1 << 20 // bytes of a line that are kept; the rest is passed over
	maxLines = 500_000 // of a service at a time
	maxFiles = 1000    // rotated, of a service
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
	current  map[string]*tail
}

// Open opens the folder that has one log directory a service. A service that
// has not written yet is no error. The Reader must be closed.
func Open(dir string, services []string) (*Reader, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &Reader{root: root, services: services, current: map[string]*tail{}}, nil
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
	var all []Line
	for _, service := range r.services {
		all = append(all, r.kept(service, n)...)
	}
	if len(r.services) > 1 {
		slices.SortStableFunc(all, func(a, b Line) int { return strings.Compare(stamp(a.Text), stamp(b.Text)) })
	}
	return all
}

// stamp is the first two words of a line: a date and a time, or one TAI64N label.
func stamp(text string) string {
	date, rest, _ := strings.Cut(text, " ")
	clock, _, _ := strings.Cut(rest, " ")
	return date + " " + clock
}

// kept reads a service's rotated files, oldest first, and what it writes now;
// of more than n lines the last n, when n is not negative.
func (r *Reader) kept(service string, n int) []Line {
	if n < 0 || n > maxLines {
		n = maxLines
	}
	var lines []Line
	for _, name := range r.rotatedFiles(service) {
		if f := r.open(path.Join(service, name)); f != nil { // else rotated away since
			t := &tail{service: service, file: f}
			lines = t.read(lines, n)
			f.Close()
		}
	}
	if t := r.now(service); t != nil {
		lines = t.read(lines, n)
	}
	return lines[max(0, len(lines)-n):]
}

// rotatedFiles are the names of a service's finished logs, oldest first: at
// most maxFiles, the newest of them.
func (r *Reader) rotatedFiles(service string) []string {
	dir, err := r.root.OpenFile(service, os.O_RDONLY|openFlags|openDir, 0)
	if err != nil {
		return nil // it has not written yet
	}
	defer dir.Close()
	names, err := dir.Readdirnames(maxFiles * 10)
	if err != nil {
		return nil
	}
	names = slices.DeleteFunc(names, func(name string) bool { return !strings.HasPrefix(name, "@") })
	slices.Sort(names) // @ names sort by time
	return names[max(0, len(names)-maxFiles):]
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
	t := &tail{service: service, file: f}
	r.current[service] = t
	return t
}

// pollEvery is how often Follow looks for more.
const pollEvery = 100 * time.Millisecond

// Follow gives each new line to f until ctx ends, f gives an error, or the
// folder is gone, which is how a sandbox ends. It goes on through rotations;
// what was rotated away before it was read is lost.
func (r *Reader) Follow(ctx context.Context, f func(Line) error) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		for _, service := range r.services {
			for _, line := range r.more(service) {
				if err := f(line); err != nil {
					return err
				}
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		if _, err := os.Lstat(r.root.Name()); errors.Is(err, fs.ErrNotExist) {
			return nil
		}
	}
}

// more reads what was added, also past rotations.
func (r *Reader) more(service string) []Line {
	t := r.now(service)
	if t == nil {
		return nil
	}
	lines := t.read(nil, maxLines)
	if !r.rotated(t) {
		return lines
	}
	lines = t.read(lines, maxLines) // what came between the read and the look
	for _, name := range r.since(t) {
		if f := r.open(path.Join(service, name)); f != nil {
			lines = (&tail{service: service, file: f}).read(lines, maxLines)
			f.Close()
		}
	}
	t.file.Close()
	delete(r.current, service)
	if next := r.now(service); next != nil {
		lines = next.read(lines, maxLines)
	}
	return lines
}

// since are the names of the files that were finished after the one t has open.
func (r *Reader) since(t *tail) []string {
	open, err := t.file.Stat()
	if err != nil {
		return nil
	}
	names := r.rotatedFiles(t.service)
	for i, name := range names {
		if info, err := r.root.Lstat(path.Join(t.service, name)); err == nil && os.SameFile(info, open) {
			return names[i+1:]
		}
	}
	return names // its own is gone already: all of these came later
}

// rotated tells whether current is another file by now.
func (r *Reader) rotated(t *tail) bool {
	named, err := r.root.Lstat(path.Join(t.service, "current"))
	if err != nil {
		return false // between the rename and the new file
	}
	open, err := t.file.Stat()
	return err == nil && !os.SameFile(named, open)
}

// A tail is an open file and the part of a line that has not ended yet.
type tail struct {
	service string
	file    *os.File
	partial []byte
}

// read appends the lines that have ended since the last read. Of all lines at
// least the last n stay, and not many more.
func (t *tail) read(lines []Line, n int) []Line {
	in := bufio.NewReaderSize(t.file, 64<<10)
	for {
		part, err := in.ReadSlice('\n')
		if room := maxLine - len(t.partial); len(part) > 0 {
			t.partial = append(t.partial, part[:min(len(part), max(room, 0))]...)
		}
		if err == nil {
			lines = append(lines, Line{t.service, string(bytes.TrimRight(t.partial, "\n"))})
			t.partial = t.partial[:0]
		} else if !errors.Is(err, bufio.ErrBufferFull) {
			return lines // io.EOF: for now
		}
		if len(lines) > 2*n+1000 {
			lines = slices.Delete(lines, 0, len(lines)-n)
		}
	}
}
