package logview

import (
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"
)

// A file that has been rotated may go by another name in a moment: s6-log calls
// it previous and then @STAMP.s, ours @STAMP.u and then @STAMP.s.
const (
	previous   = "previous"
	finished   = ".s"
	unfinished = ".u"
)

const (
	settleTries = 20 // of listing a directory in which files are being renamed
	settleEvery = 5 * time.Millisecond
)

// rotatedFiles are the names of a service's rotated logs, oldest first: at
// most maxFiles, the newest of them. All that were rotated before the call are
// among them, whatever they are called by now.
func (r *Reader) rotatedFiles(service string) []string {
	for range settleTries {
		if _, err := r.root.Lstat(path.Join(service, previous)); err != nil {
			break
		}
		time.Sleep(settleEvery)
	}
	names := r.list(service)
	for range settleTries {
		// A renamed file may be missed by one look, and not by the next.
		again := r.list(service)
		if slices.Equal(again, names) {
			break
		}
		names = again
	}
	return names
}

// list is one look at a directory. A file with two names is there once, and
// the one that a dead s6-log has left is the newest.
func (r *Reader) list(service string) []string {
	dir, err := r.root.OpenFile(service, os.O_RDONLY|openFlags|openDir, 0)
	if err != nil {
		return nil // it has not written yet
	}
	defer dir.Close()
	all, err := dir.Readdirnames(maxFiles * 10)
	if err != nil {
		return nil
	}
	var names []string
	for _, name := range all {
		if strings.HasPrefix(name, "@") {
			names = append(names, stem(name))
		}
	}
	slices.Sort(names) // @ names sort by time
	names = slices.Compact(names)
	if slices.Contains(all, previous) {
		names = append(names, previous)
	}
	return names[max(0, len(names)-maxFiles):]
}

// stem is a rotated file's name without its ending.
func stem(name string) string {
	return strings.TrimSuffix(strings.TrimSuffix(name, finished), unfinished)
}

// spellings are what the file with this stem may be called, in an order that
// finds it also when it is renamed meanwhile.
func spellings(stem string) []string {
	return []string{stem + finished, stem + unfinished, stem + finished, stem}
}

// openRotated opens a rotated file; nil when it is gone.
func (r *Reader) openRotated(service, stem string) *os.File {
	for _, name := range spellings(stem) {
		if f := r.open(path.Join(service, name)); f != nil {
			return f
		}
	}
	return nil
}

func (r *Reader) statRotated(service, stem string) (info fs.FileInfo, err error) {
	for _, name := range spellings(stem) {
		if info, err = r.root.Lstat(path.Join(service, name)); err == nil {
			break
		}
	}
	return info, err
}

// between are the rotated files that came after the one that after has open,
// and before the one that before has. Without an after they are those that
// have not been seen.
func (r *Reader) between(service string, after, before *tail) []string {
	names := r.rotatedFiles(service)
	if i := r.place(service, names, before); i >= 0 {
		names = names[:i]
	}
	if after != nil {
		return names[r.place(service, names, after)+1:] // all came later when its own is gone already
	}
	seen, known := r.seen[service]
	if !known {
		return nil
	}
	return slices.DeleteFunc(names, func(name string) bool { return name <= seen })
}

// pass notes that what a service has rotated so far is past.
func (r *Reader) pass(service string, rotated []string) {
	r.seen[service] = ""
	for _, name := range rotated {
		if name != previous {
			r.seen[service] = name
		}
	}
}

// place is where in names the file stands that t has open; -1 when it does not.
func (r *Reader) place(service string, names []string, t *tail) int {
	open, err := t.file.Stat()
	if err != nil {
		return -1
	}
	// Backwards: what was rotated last is looked for most.
	for i, name := range slices.Backward(names) {
		if info, err := r.statRotated(service, name); err == nil && os.SameFile(info, open) {
			return i
		}
	}
	return -1
}
