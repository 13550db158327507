package stage

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// racyWindow is how coarse a file system's clock may be: two changes of a
	// file within it can leave the same time stamps. Where no time has a
	// fraction of a second, the clock counts seconds, or every other one.
	racyWindow   = 100 * time.Millisecond
	coarseWindow = 2 * time.Second
	// maxOpen bounds the folders that are open at once.
	maxOpen = 64
)

// A walker looks at each listed name, once, through its folder's descriptor.
type walker struct {
	root     *root
	modules  map[string]bool // submodules, which may be empty folders
	start    time.Time       // before anything was looked at
	cache    *cache
	files    cursor // of what was seen ahead
	dirs     cursor
	frames   []frame // the folders on the way to the last name
	folders  []known // those without a fifo, socket or device
	learnt   bool    // whether the cache does not know one of them
	special  []special
	bare     []known  // folders that git reads, in which nothing is listed
	veiled   bool     // something is in neither, and no memory can be made
	unlisted []string // folders on the disk in which nothing is listed
	buf      []byte
	lost     string // a folder that is not there, nor anything below
	entries  []Entry
	notices  []Notice
	refusals []Refusal
	dropped  dropped
	failed   error // of walk
}

// walk takes names in the order of a walk.
func (w *walker) walk(ctx context.Context, paths []string) error {
	root := frame{path: ".", fd: int(w.root.Fd()), kept: true}
	w.stamp(&root)
	w.frames = append(w.frames[:0], root)
	defer w.leave(1)
	w.entries = make([]Entry, 0, len(paths)+len(paths)/8)
	for i, p := range paths {
		if i%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if w.lost != "" && strings.HasPrefix(p, w.lost) {
			continue
		}
		dir, name := split(p)
		if !w.enter(dir) {
			continue
		}
		if err := w.name(p, name); err != nil && !gone(err) {
			w.refuse(p, err)
		}
	}
	w.leave(1)
	w.survey(w.top())
	return nil
}

// refuse is for what cannot be looked at.
func (w *walker) refuse(p string, err error) {
	w.refusals = append(w.refusals, Refusal{Path: p, Reason: reasonOf(err).Error(), Hint: "make it readable, or add it to .gitignore"})
}

// name looks at one name and keeps it when its kind can be staged.
func (w *walker) name(p, name string) error {
	seen, ok := w.files.find(p)
	var err error
	if !ok {
		if seen, err = w.glance(name); err != nil {
			return err
		}
	}
	var e Entry
	ok, err = w.entry(&e, p, name, seen)
	for tries := 0; errors.Is(err, ErrChanged) && tries < maxTries; tries++ {
		if seen, err = w.glance(name); err == nil {
			ok, err = w.entry(&e, p, name, seen)
		}
	}
	if err != nil || !ok {
		return err
	}
	if reason := impossible(p); reason != "" {
		w.refusals = append(w.refusals, Refusal{Path: p, Kind: e.Kind.String(), Reason: reason,
			Hint: "rename it, or add to sandwright.yaml: exclude: [" + pattern(p) + "]"})
		return nil
	}
	w.dropped.look(w.folder, &e, name, seen.mode)
	w.keep(&e)
	return nil
}

// entry makes e the entry of what was looked at; false where that is none.
func (w *walker) entry(e *Entry, p, name string, seen look) (bool, error) {
	switch seen.kind() {
	case unix.S_IFREG:
		*e = Entry{Path: p}
		e.become(seen, w.start)
		if e.cached = w.cache.files.find(&e.id); e.cached > 0 {
			e.marks = w.cache.files.marks(e.cached)
		}
		return true, nil
	case unix.S_IFDIR:
		if !w.modules[p] && len(p) < maxPath {
			return false, nil // a file became a folder; what is in it is listed itself
		}
		*e = Entry{Path: p, Kind: Dir, Mode: 0o755}
		w.top().subs++
		return true, nil
	case unix.S_IFLNK:
		dir, err := w.folder()
		if err != nil {
			return false, err
		}
		target, err := readlink(dir, name)
		if errors.Is(err, unix.EINVAL) {
			err = ErrChanged
		}
		*e = Entry{Path: p, Kind: Link, Mode: 0o777, Target: target}
		return true, err
	case unix.S_IFIFO:
		w.leaveOut(p, "fifo")
	case unix.S_IFSOCK:
		w.leaveOut(p, "socket")
	default:
		w.leaveOut(p, "device")
	}
	return false, nil
}

// become makes e the regular file that was looked at.
func (e *Entry) become(seen look, look time.Time) {
	e.Kind, e.Mode, e.Size, e.id = File, 0o644, seen.id.size, seen.id
	if seen.mode&unix.S_IXUSR != 0 {
		e.Mode = 0o755
	}
	if racy(e.id, look) {
		e.id.racy = time.Now().UnixNano()
	}
}

// racy says that a file changed so shortly before a look that a change after
// it could leave the same time stamps. No program can set ctime; a modification
// time in the future says nothing.
func racy(id identity, look time.Time) bool {
	window := racyWindow
	if id.mtime%int64(time.Second) == 0 && id.ctime%int64(time.Second) == 0 {
		window = coarseWindow
	}
	from, to := look.Add(-window).UnixNano(), look.Add(window).UnixNano()
	return id.ctime > from || id.mtime > from && id.mtime < to
}

func (w *walker) leaveOut(p, kind string) {
	w.notices = append(w.notices, Notice{Path: p, Kind: kind, What: "left out", Reason: "it is a " + kind})
}

// tooLong refuses folders that git could not open for the length of their path.
func (w *walker) tooLong(folders []string) {
	for _, p := range folders {
		w.refusals = append(w.refusals, Refusal{Path: p, Kind: "dir", Reason: tooLongBy(len(p)),
			Hint: "shorten the path, or add it to .gitignore"})
	}
}

// impossible says why no image can hold a path.
func impossible(p string) string {
	switch {
	case len(p) >= maxPath:
		return tooLongBy(len(p))
	case strings.HasPrefix(p, ".wh."), strings.Contains(p, "/.wh."):
		return "a name that starts with .wh. deletes files in an image"
	}
	return ""
}

func tooLongBy(n int) string {
	return fmt.Sprintf("its path has %d bytes, more than %d", n, maxPath-1)
}

// split cuts a clean path into its folder and its name.
func split(p string) (dir, name string) {
	if i := strings.LastIndexByte(p, '/'); i >= 0 {
		return p[:i], p[i+1:]
	}
	return ".", p
}
