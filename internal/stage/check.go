package stage

import (
	"context"
	"errors"
	"os"
	"path"
	"slices"
	"time"

	"github.com/sandwright/sandwright/internal/fault"
	"golang.org/x/sys/unix"
)

// racyWindow is how coarse a file system's clock may be: two changes of a file
// within it can leave the same time stamps.
const racyWindow = 100 * time.Millisecond

// A checker looks at each listed name, once, through its folder's descriptor.
type checker struct {
	root    *root
	start   time.Time // before anything was looked at
	entries []Entry
	notices []string
	faults  fault.List
}

// check takes names in the order of a walk.
func (c *checker) check(ctx context.Context, paths []string) error {
	for _, group := range byFolder(paths) {
		if err := ctx.Err(); err != nil {
			return err
		}
		c.folder(path.Dir(group[0]), group)
	}
	all, conflict := withFolders(c.entries)
	if conflict != "" {
		c.faults = append(c.faults, changed(conflict))
	}
	c.entries = all
	c.links()
	return c.faults.Err()
}

// byFolder groups names by the folder they are in.
func byFolder(paths []string) [][]string {
	var groups [][]string
	index := map[string]int{}
	for _, p := range paths {
		dir := path.Dir(p)
		i, ok := index[dir]
		if !ok {
			i = len(groups)
			index[dir], groups = i, append(groups, nil)
		}
		groups[i] = append(groups[i], p)
	}
	return groups
}

// folder looks at the names in one folder. A folder that is gone, or that is a
// link now, has none of them.
func (c *checker) folder(dir string, paths []string) {
	f, err := c.root.open(dir, dirFlags)
	if gone(err) {
		return
	}
	if err != nil {
		c.faults = append(c.faults, unreadable(dir, err))
		return
	}
	defer f.Close()
	for _, p := range paths {
		if err := c.name(f, p); err != nil && !gone(err) {
			c.faults = append(c.faults, unreadable(p, err))
		}
	}
}

// unreadable is the fault of a path, without naming it twice.
func unreadable(p string, err error) *fault.Fault {
	var pe *os.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	return fault.Cannot("stage %s: %w", show(p), err).WithHint("make it readable, or add it to .gitignore")
}

// name looks at one name and keeps it when its kind can be staged.
func (c *checker) name(dir *os.File, p string) error {
	st, err := lstat(dir, path.Base(p))
	if err != nil {
		return err
	}
	switch uint32(st.Mode) & unix.S_IFMT {
	case unix.S_IFREG:
		c.entries = append(c.entries, c.file(p, &st))
	case unix.S_IFDIR:
		c.entries = append(c.entries, Entry{Path: p, Kind: Dir, Mode: 0o755})
	case unix.S_IFLNK:
		target, err := readlink(dir, path.Base(p))
		if errors.Is(err, unix.EINVAL) {
			return ErrChanged
		}
		if err != nil {
			return err
		}
		c.entries = append(c.entries, Entry{Path: p, Kind: Link, Mode: 0o777, Target: target})
	case unix.S_IFIFO:
		c.leaveOut(p, "a fifo")
	case unix.S_IFSOCK:
		c.leaveOut(p, "a socket")
	default:
		c.leaveOut(p, "a device")
	}
	return nil
}

func (c *checker) file(p string, st *unix.Stat_t) Entry {
	e := Entry{Path: p, Kind: File, Mode: 0o644, Size: st.Size, id: identify(st)}
	if uint32(st.Mode)&unix.S_IXUSR != 0 {
		e.Mode = 0o755
	}
	changed := time.Unix(0, max(e.id.ctime, e.id.mtime))
	if changed.After(c.start.Add(-racyWindow)) {
		e.id.racy = time.Now().UnixNano()
	}
	return e
}

func (c *checker) leaveOut(p, kind string) {
	c.notices = append(c.notices, "left out "+show(p)+": it is "+kind)
}

// withFolders adds the folders that the entries are in, and sorts them all. It
// names, too, an entry below one that is no folder: a tree cannot hold both.
func withFolders(entries []Entry) (all []Entry, conflict string) {
	kinds := map[string]Kind{".": Dir}
	for _, e := range entries {
		kinds[e.Path] = e.Kind
	}
	all = slices.Clone(entries)
	for _, e := range entries {
		dir := path.Dir(e.Path)
		for {
			kind, known := kinds[dir]
			if known && kind != Dir {
				conflict = e.Path
			}
			if known {
				break
			}
			kinds[dir] = Dir
			all = append(all, Entry{Path: dir, Kind: Dir, Mode: 0o755})
			dir = path.Dir(dir)
		}
	}
	slices.SortFunc(all, func(a, b Entry) int { return comparePath(a.Path, b.Path) })
	return all, conflict
}

func (c *checker) sortedNotices() []string {
	slices.Sort(c.notices)
	return slices.Compact(c.notices)
}
