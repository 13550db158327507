package stage

import (
	"time"

	"golang.org/x/sys/unix"
)

// A frame is a folder that is looked into. It becomes an entry with the first
// entry in it.
type frame struct {
	path  string
	fd    int // -1 when it was seen ahead, or closed to spare descriptors
	kept  bool
	id    identity // zero where it could not be looked at
	mode  uint32
	subs  uint32 // folders in it that were entered, or are entries
	last  int32  // its record in the cache; 0 where it has none
	marks marks
}

// A known folder holds no fifo, socket or device, and as many folders.
type known struct {
	path  string
	id    identity
	subs  uint32
	marks marks
}

func (w *walker) top() *frame { return &w.frames[len(w.frames)-1] }

// leave looks through the folders from the n-th on, and closes them.
func (w *walker) leave(n int) {
	for len(w.frames) > n {
		f := w.top()
		w.survey(f)
		if f.fd >= 0 {
			unix.Close(f.fd)
		}
		w.frames = w.frames[:len(w.frames)-1]
	}
}

// enter makes dir the folder on top. It is false where dir is not there, or is
// a link now.
func (w *walker) enter(dir string) bool {
	n := len(w.frames)
	for n > 1 && !below(dir, w.frames[n-1].path) {
		n--
	}
	w.leave(n)
	for w.top().path != dir {
		next, name := step(w.top().path, dir)
		f := frame{path: next, fd: -1}
		if seen, ok := w.dirs.find(next); ok {
			w.recall(&f, seen)
		}
		if f.last == 0 {
			at, err := w.folder()
			if err != nil {
				return w.miss(w.top().path, err)
			}
			if f.fd, err = w.root.below(at, name, dirFlags); err != nil {
				return w.miss(next, err)
			}
			w.stamp(&f)
		}
		w.push(f)
	}
	return true
}

// folder gives the descriptor of the folder on top, which is opened when that
// is needed.
func (w *walker) folder() (int, error) {
	top := w.top()
	if top.fd < 0 {
		fd, err := w.root.openFD(top.path, dirFlags)
		if err != nil {
			return -1, err
		}
		top.fd = fd
		w.stamp(top) // it may be another one by now
	}
	return top.fd, nil
}

// glance looks at a name in the folder on top.
func (w *walker) glance(name string) (look, error) {
	dir, err := w.folder()
	if err != nil {
		return look{}, err
	}
	return lookIn(dir, name)
}

func (w *walker) miss(dir string, err error) bool {
	w.lost = dir + "/"
	if !gone(err) {
		w.refuse(dir, err)
	}
	return false
}

// push adds an open folder. Where its name was just looked at, that was it, or
// something that has become a folder since.
func (w *walker) push(f frame) {
	if n := len(w.entries); n > 0 && w.entries[n-1].Path == f.path {
		f.kept = w.entries[n-1].Kind == Dir
		if !f.kept {
			w.entries = w.entries[:n-1]
		}
	}
	if !f.kept {
		w.top().subs++
	}
	w.frames = append(w.frames, f)
	if old := len(w.frames) - maxOpen; old > 0 && w.frames[old].fd >= 0 {
		unix.Close(w.frames[old].fd)
		w.frames[old].fd = -1
	}
}

// keep adds an entry, after the folders that it is in.
func (w *walker) keep(e *Entry) {
	n := len(w.frames)
	for n > 1 && !w.frames[n-1].kept {
		n--
	}
	for i := n; i < len(w.frames); i++ {
		f := &w.frames[i]
		f.kept = true
		w.entries = append(w.entries, Entry{Path: f.path, Kind: Dir, Mode: 0o755})
		w.dropped.folder(f, &w.entries[len(w.entries)-1])
	}
	w.entries = append(w.entries, *e)
}

// stamp looks at an open folder before it is read.
func (w *walker) stamp(f *frame) {
	if seen, err := lookAt(f.fd); err == nil {
		w.recall(f, seen)
	}
}

// recall makes a folder what was seen of it.
func (w *walker) recall(f *frame, seen look) {
	f.id, f.mode = seen.id, seen.mode
	if racy(f.id, w.start) {
		f.id.racy = time.Now().UnixNano()
	}
	if f.last = w.cache.folders.find(&f.id); f.last > 0 {
		f.marks = w.cache.folders.marks(f.last)
	}
}

// survey finds what git does not list in a folder that everything listed was
// looked at in: fifos, sockets, devices, and folders with nothing else in them.
// A folder is not read when it has not changed since none of the former was in
// it, and there are no more folders in it now than were entered.
func (w *walker) survey(f *frame) {
	if f.last > 0 && w.cache.folders.count(f.last) == f.subs {
		w.folders = append(w.folders, known{f.path, f.id, f.subs, f.marks})
		return
	}
	fd, err := w.folder()
	if err != nil {
		w.veiled = true
		return
	}
	in := w.read(fd, f.path)
	w.special = append(w.special, in.special...)
	if len(in.subs) != int(f.subs) {
		w.unlisted = append(w.unlisted, in.subs...)
	}
	if !in.plain() || f.id.racy != 0 || f.id.ino == 0 {
		w.veiled = true
		return
	}
	w.folders = append(w.folders, known{f.path, f.id, uint32(len(in.subs)), f.marks&^(ruled|nested) | in.marks})
	w.learnt = w.learnt || f.last == 0
}

// What is in a folder beside files and links.
type inFolder struct {
	special []special
	subs    []string // folders but git's own
	marks   marks    // ruled, nested
	whole   bool     // it was read to its end
}

func (in *inFolder) plain() bool { return in.whole && len(in.special) == 0 }

// read reads an open folder.
func (w *walker) read(fd int, dir string) (in inFolder) {
	if w.buf == nil {
		w.buf = make([]byte, 32<<10)
	}
	in.whole = readKinds(fd, w.buf, func(name, kind string) {
		switch {
		case name == ".git":
			in.marks |= nested
		case name == rulesFile && kind == "":
			in.marks |= ruled
		case kind == "dir":
			in.subs = append(in.subs, join(dir, name))
		case kind != "":
			in.special = append(in.special, special{join(dir, name), kind})
		}
	})
	return in
}
