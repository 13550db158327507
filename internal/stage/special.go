package stage

import (
	"context"
	"errors"
	"io"
	"os/exec"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/git"
)

// A special name is a fifo, socket or device that git does not list.
type special struct{ path, kind string }

// leftOut gives a notice of each special name that git would not ignore and no
// rule excludes, also of those in folders that hold nothing else.
func (w *walker) leftOut(ctx context.Context, l *lister) error {
	tree := &Tree{entries: w.entries}
	folders := l.worth(w.unlisted, func(p string) bool {
		_, listed := tree.find(p)
		return !listed && !l.inner[p]
	})
	folders, err := l.unignored(ctx, folders)
	if err != nil {
		return err
	}
	for len(folders) > 0 && ctx.Err() == nil {
		dir := folders[len(folders)-1]
		folders = folders[:len(folders)-1]
		found, subs := w.below(dir)
		w.special = append(w.special, found...)
		folders = append(folders, subs...)
	}
	kinds := map[string]string{}
	var paths []string
	for _, s := range w.special {
		kinds[s.path] = s.kind
		paths = append(paths, s.path)
	}
	if paths, err = l.unignored(ctx, l.worth(paths, func(string) bool { return true })); err != nil {
		return err
	}
	for _, p := range paths {
		w.leaveOut(p, kinds[p])
	}
	return ctx.Err()
}

// below reads a folder in which nothing is listed.
func (w *walker) below(dir string) ([]special, []string) {
	fd, err := w.root.openFD(dir, dirFlags)
	if err != nil {
		return nil, nil
	}
	defer unix.Close(fd)
	if _, err := lstat(fd, ".git"); err == nil {
		return nil, nil // a repository of its own, of which something else is said
	}
	found, subs, _ := w.read(fd, dir)
	return found, subs
}

// worth gives the paths that no rule excludes, and of which more is true.
func (l *lister) worth(paths []string, more func(string) bool) (out []string) {
	for _, p := range paths {
		if !l.rules.drop(p) && len(p) < maxPath-len("./") && more(p) {
			out = append(out, p)
		}
	}
	return out
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
