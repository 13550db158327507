package stage

import (
	"context"
	"os"
	"path"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/git"
)

// A lister collects the names that git would ship, and those that a rule of the
// file includes, before anything is known of what they are on disk.
type lister struct {
	ctx       context.Context
	root      *root
	rules     rules
	start     time.Time // before anything was looked at
	cache     *cache
	tracked   []string     // by the root's own repository, in the order of a walk, without what a rule drops
	paths     []string     // all others; a name may be there twice
	lists     string       // the file of a memory; empty: none
	past      *recall      // nil where nothing is remembered
	index     sum          // of the root's own repository
	whole     []string     // what is tracked there, in the order of a walk
	untracked []string     // what git lists as such
	warned    bool         // git gave a warning
	ahead     *ahead       // looks at names before all are known
	guess     []string     // what may be all
	first     chan *walker // has walked through those
	modules   map[string]bool
	inner     map[string]bool // repositories that are no submodules
	repos     []repository    // all that were listed
	lfs       []repository    // those whose attributes may speak of LFS
	notices   []Notice
	deep      []string // folders in which git could not open one, for its long path
	none      string   // the empty repository that stands for none, while the list is of use
}

// close ends what looks ahead, and removes what was made for git alone.
func (l *lister) close() {
	l.ahead.stop()
	l.past.stop()
	if l.first != nil {
		<-l.first
	}
	if l.none != "" {
		os.RemoveAll(l.none)
	}
}

// A repository is one that git lists.
type repository struct {
	sub   string // the folder below the root that is listed; empty for the root itself
	asked *git.Repo
}

// list gives the names in the order of a walk, each once.
func (l *lister) list() ([]string, error) {
	repo, err := git.Find(l.root.path)
	if err != nil {
		return nil, err
	}
	if repo == nil {
		err = l.outside()
	} else {
		err = l.git(repository{asked: workTree(repo)}, 0)
	}
	if err != nil {
		return nil, err
	}
	if err := l.include(); err != nil {
		return nil, err
	}
	paths := merge(l.tracked, l.sorted())
	if len(paths) == 0 {
		l.notices = append(l.notices, Notice{Reason: "staged nothing: git ignores every file here, or there is none"})
	}
	return paths, nil
}

// sorted gives the names so far in the order of a walk, without what is dropped.
// Git's order is nearly that, which costs a stable sort a quarter of another.
func (l *lister) sorted() []string {
	slices.SortStableFunc(l.paths, comparePath)
	l.paths = slices.Compact(l.paths)
	return l.rules.filter(slices.Clone(l.paths))
}

// begin takes the names so far for those that are tracked, and walks through
// them while git looks for more. Where little is known of an earlier stage, most
// folders have to be opened anyhow.
func (l *lister) begin() {
	l.tracked = l.sorted()
	l.whole, l.paths = l.paths, nil
	if l.first == nil && l.cache.folders.len() > 0 {
		l.try(l.tracked, runtime.GOMAXPROCS(0)-1) // git has the other core
	}
}

// try walks through names that may be all.
func (l *lister) try(names []string, cores int) {
	l.guess, l.ahead, l.first = names, lookAhead(l.root, names, cores), make(chan *walker, 1)
	go func() { l.first <- l.walk(names, nil) }()
}

// walked walks through the names, which has been done where they were guessed.
func (l *lister) walked(paths []string) (w *walker, err error) {
	if l.first != nil {
		w, l.first = <-l.first, nil
	}
	if w == nil || !slices.Equal(paths, l.guess) || len(l.modules) > 0 {
		w = l.walk(paths, l.modules)
	}
	return w, w.failed
}

func (l *lister) walk(paths []string, modules map[string]bool) *walker {
	w := &walker{root: l.root, modules: modules, start: l.start, cache: l.cache}
	w.see(l.ahead)
	w.failed = w.walk(l.ctx, paths)
	return w
}

// merge gives the names of both, which are in the order of a walk, each once.
func merge(a, b []string) []string {
	if len(b) == 0 {
		return a
	}
	out := make([]string, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		from := &a
		if comparePath(b[0], a[0]) < 0 {
			from = &b
		}
		out, *from = append(out, (*from)[0]), (*from)[1:]
	}
	return slices.Compact(append(append(out, a...), b...))
}

// add takes one name. A repository's own data is passed over.
func (l *lister) add(p string) error {
	for rest, more := p, true; more; {
		var name string
		name, rest, more = strings.Cut(rest, "/")
		switch {
		case name == ".git":
			return nil
		case name == "", name == ".", name == "..", strings.IndexByte(name, 0) >= 0:
			return fault.Cannot("stage %s: it is not a path below the root", show(p)).WithHint("the index is damaged: remove .git/index, then run: git reset")
		}
	}
	l.paths = append(l.paths, p)
	return nil
}

// include walks the folder for what the rules include, whether git ignores it
// or not. It enters only folders that a pattern can reach.
func (l *lister) include() error {
	if !l.rules.include.any() {
		return nil
	}
	folders := []string{"."}
	for len(folders) > 0 {
		dir := folders[len(folders)-1]
		folders = folders[:len(folders)-1]
		if err := l.ctx.Err(); err != nil {
			return err
		}
		found, err := l.folder(dir)
		if err != nil {
			return fault.Cannot("list %s: %w", show(dir), err).WithHint("make it readable, or narrow include: in sandwright.yaml")
		}
		for _, entry := range found {
			p := path.Join(dir, entry.Name())
			switch {
			case entry.Name() == ".git":
			case entry.IsDir() && len(p) < maxPath:
				if l.rules.include.reaches(p) {
					folders = append(folders, p)
				}
			case l.rules.include.match(p):
				l.paths = append(l.paths, p)
			}
		}
	}
	return nil
}

// tooLong looks for the folders that git could not open. What is in them, or
// would be, cannot be named by one path.
func (l *lister) tooLong() (long []string, err error) {
	slices.Sort(l.deep)
	folders := slices.Compact(l.deep)
	for len(folders) > 0 && err == nil {
		dir := folders[len(folders)-1]
		folders = folders[:len(folders)-1]
		var found []os.DirEntry
		if found, err = l.folder(dir); err != nil {
			return nil, fault.Cannot("list %s: %w", show(dir), err)
		}
		for _, entry := range found {
			switch p := join(dir, entry.Name()); {
			case !entry.IsDir() || entry.Name() == ".git":
			case len(p) >= maxPath && !l.rules.drop(p):
				long = append(long, p)
			case len(p) < maxPath:
				folders = append(folders, p)
			}
		}
		err = l.ctx.Err()
	}
	return long, err
}

// folder reads one folder; one that is gone is empty.
func (l *lister) folder(dir string) ([]os.DirEntry, error) {
	f, err := l.root.open(dir, dirFlags)
	if gone(err) {
		return nil, nil
	}
	if err != nil {
		return nil, reasonOf(err)
	}
	defer f.Close()
	return f.ReadDir(-1)
}
