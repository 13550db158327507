package stage

import (
	"context"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/git"
)

// maxLevels bounds how often git is asked which folders it would read, of those
// in which nothing is listed; below, all are read.
const maxLevels = 16

// A special name is a fifo, socket or device that git does not list.
type special struct{ path, kind string }

// leftOut gives a notice of each special name that git would not ignore and no
// rule excludes, also of those in folders that hold nothing else.
func (w *walker) leftOut(ctx context.Context, l *lister) error {
	if l.past != nil && l.past.taken {
		return nil // nothing special is in a folder of a memory
	}
	var folders []string
	all := l.memorable(w) // what a rule excludes is of interest to a memory alone
	for _, p := range w.unlisted {
		if _, listed := search(w.entries, p); !listed && !l.inner[p] && (all || !l.rules.drop(p)) {
			folders = append(folders, p)
		}
	}
	for depth := 0; len(folders) > 0 && ctx.Err() == nil; depth++ {
		if folders = l.short(w, folders); depth < maxLevels {
			var err error
			if folders, err = l.unignored(ctx, folders); err != nil {
				return err
			}
		}
		var below []string
		for _, dir := range folders {
			below = append(below, w.below(dir)...)
		}
		folders = below
	}
	kinds := map[string]string{}
	var paths []string
	for _, s := range w.special {
		kinds[s.path] = s.kind
		paths = append(paths, s.path)
	}
	paths, err := l.unignored(ctx, l.short(w, slices.DeleteFunc(paths, l.rules.drop)))
	if err != nil {
		return err
	}
	for _, p := range paths {
		w.leaveOut(p, kinds[p])
	}
	return ctx.Err()
}

// below reads a folder in which nothing is listed.
func (w *walker) below(dir string) (subs []string) {
	f := frame{path: dir}
	var err error
	if f.fd, err = w.root.openFD(dir, dirFlags); err != nil {
		w.veiled = true
		return nil
	}
	defer unix.Close(f.fd)
	w.stamp(&f)
	in := w.read(f.fd, dir)
	w.veiled = w.veiled || !in.plain() || f.id.ino == 0 || len(w.bare) == maxBare
	if !w.veiled {
		w.bare = append(w.bare, known{path: dir, id: f.id, marks: in.marks})
	}
	if in.marks&nested != 0 {
		return nil // a repository of its own, of which something else is said
	}
	w.special = append(w.special, in.special...)
	return in.subs
}

// short drops what is too long to be asked for.
func (l *lister) short(w *walker, paths []string) []string {
	n := len(paths)
	paths = slices.DeleteFunc(paths, func(p string) bool { return len(p) >= maxPath-len("./") })
	w.veiled = w.veiled || len(paths) < n
	return paths
}

// unignored asks git which of the paths it would not ignore.
func (l *lister) unignored(ctx context.Context, paths []string) (out []string, err error) {
	of := map[*repository][]string{}
	for _, p := range paths {
		if l.none != "" && strings.Contains("/"+p+"/", "/node_modules/") {
			continue
		}
		r := l.holder(p)
		of[r] = append(of[r], p)
	}
	for i := range l.repos {
		r := &l.repos[i]
		ignored, err := r.ignored(ctx, of[r])
		if err != nil {
			return nil, err
		}
		for _, p := range of[r] {
			if !ignored[p] || l.rules.include.match(p) {
				out = append(out, p)
			}
		}
	}
	return out, nil
}

// holder is the repository that a path belongs to.
func (l *lister) holder(p string) (best *repository) {
	for i := range l.repos {
		if r := &l.repos[i]; below(p, r.sub) && (best == nil || len(r.sub) > len(best.sub)) {
			best = r
		}
	}
	return best
}

// ignored gives those of the paths that the rules of a repository ignore.
func (r *repository) ignored(ctx context.Context, paths []string) (map[string]bool, error) {
	if len(paths) == 0 {
		return nil, nil
	}
	prefix := ""
	if r.sub != "" {
		prefix = r.sub + "/"
	}
	var asked strings.Builder
	for _, p := range paths {
		asked.WriteString("./" + strings.TrimPrefix(p, prefix) + "\x00") // so that no name is taken for a pathspec's magic
	}
	found := map[string]bool{}
	err := r.asked.Stream(ctx, strings.NewReader(asked.String()), func(out io.Reader) error {
		return git.Records(out, func(rec []byte) error {
			found[prefix+strings.TrimPrefix(string(rec), "./")] = true
			return nil
		})
	}, "check-ignore", "-z", "--stdin", "--no-index")
	if ended := (*exec.ExitError)(nil); errors.As(err, &ended) && ctx.Err() == nil {
		err = nil // it ends with 1 where none is ignored
	}
	return found, err
}
