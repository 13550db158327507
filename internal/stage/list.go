package stage

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/moby/patternmatcher"
	"github.com/sandwright/sandwright/internal/fault"
)

// maxPath is PATH_MAX: a receiver cannot name a longer one.
const maxPath = 4096

// A lister collects the names that git would ship, before anything is known of
// what they are on disk.
type lister struct {
	ctx     context.Context
	root    *root
	exclude *patternmatcher.PatternMatcher
	seen    map[string]bool
	notices []string
	faults  fault.List
}

// list asks git where there is a repository, and walks where there is none.
func (l *lister) list() error {
	top, err := repositoryOf(l.root.path)
	if err != nil {
		return err
	}
	if top == "" {
		return l.walk()
	}
	if err := l.git("", trusted(top, l.root.path), 0); err != nil {
		return err
	}
	if len(l.seen) == 0 {
		l.notices = append(l.notices, "staged nothing: git ignores every file here, or there is none")
	}
	return nil
}

// paths gives what was collected in the order of a walk.
func (l *lister) paths() []string { return slices.SortedFunc(maps.Keys(l.seen), comparePath) }

// add takes one name; it refuses those that no image can hold.
func (l *lister) add(p string) error {
	if p == "" || !fs.ValidPath(strings.ToValidUTF8(p, "_")) {
		return fault.Cannot("stage %s: it is not a path below the root", show(p))
	}
	if l.seen[p] || l.hidden(p) {
		return nil
	}
	if skip, err := l.exclude.MatchesOrParentMatches(p); err != nil {
		return fmt.Errorf("match %s: %w", show(p), err)
	} else if skip {
		return nil
	}
	switch {
	case len(p) >= maxPath:
		l.faults = append(l.faults, fault.Cannot("stage %s…: its path has %d bytes, more than %d", show(p[:64]), len(p), maxPath-1).
			WithHint("shorten the path, or add it to .gitignore"))
	case whiteout(p):
		l.faults = append(l.faults, fault.Cannot("stage %s: a name that starts with .wh. deletes files in an image", show(p)).
			WithHint("rename it, or add it to .gitignore"))
	default:
		l.seen[p] = true
	}
	return nil
}

// hidden says that a path is a repository's own data.
func (l *lister) hidden(p string) bool {
	return p == ".git" || strings.HasPrefix(p, ".git/") || strings.HasSuffix(p, "/.git") || strings.Contains(p, "/.git/")
}

func whiteout(p string) bool {
	return strings.HasPrefix(p, ".wh.") || strings.Contains(p, "/.wh.")
}

// walk lists a folder outside git: everything but .git and node_modules.
func (l *lister) walk() error {
	folders := []string{"."}
	for len(folders) > 0 {
		dir := folders[len(folders)-1]
		folders = folders[:len(folders)-1]
		if err := l.ctx.Err(); err != nil {
			return err
		}
		found, err := l.folder(dir)
		if err != nil {
			return fault.Cannot("list %s: %w", show(dir), err)
		}
		for _, entry := range found {
			p := path.Join(dir, entry.Name())
			switch {
			case entry.Name() == ".git", entry.Name() == "node_modules":
			case entry.IsDir() && len(p) < maxPath:
				folders = append(folders, p)
			default:
				if err := l.add(p); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// folder reads one folder; one that is gone is empty.
func (l *lister) folder(dir string) ([]fs.DirEntry, error) {
	f, err := l.root.open(dir, dirFlags)
	if gone(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.ReadDir(-1)
}

// repositoryOf gives the nearest folder at or above dir that holds a .git, or
// nothing. A .git that git cannot read is still one: walking instead would
// stage what it ignores.
func repositoryOf(dir string) (string, error) {
	for {
		_, err := os.Lstat(filepath.Join(dir, ".git"))
		if err == nil {
			return dir, nil
		}
		if !gone(err) {
			return "", fault.Cannot("look for a repository: %w", err)
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", nil
		}
		dir = up
	}
}
