package stage

import (
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/git"
)

// maxModules bounds how deep submodules nest.
const maxModules = 16

// git adds what git ships of a repository and of its submodules.
func (l *lister) git(repo repository, depth int) error {
	if depth > maxModules {
		return fault.Cannot("stage %s: submodules nest deeper than %d", show(repo.sub), maxModules).
			WithHint("add it to exclude: in sandwright.yaml")
	}
	l.repos = append(l.repos, repo)
	var modules []string
	attributes := false
	add := func(r record) error {
		p := r.path
		if repo.sub != "" {
			p = repo.sub + "/" + p
		}
		switch {
		case r.mode == modeModule:
			modules = append(modules, p)
		case r.mode == "" && strings.HasSuffix(r.path, "/"):
			l.alone(strings.TrimSuffix(p, "/"))
			return nil
		}
		attributes = attributes || strings.HasSuffix(p, attributesFile)
		return l.add(p)
	}
	var past *recall
	if depth == 0 && l.lists != "" {
		if past = l.recall(repo); past.all() {
			l.take(repo)
			return nil
		}
	}
	others := l.others(repo, past)
	var tracked index
	err := l.gitList(repo, listTracked(), func(r record) error {
		tracked.add(r)
		return add(r)
	})
	if depth == 0 && err == nil {
		l.index = tracked.sum()
		l.begin()
	}
	if err = others(err, add); err != nil {
		return err
	}
	if attributes {
		l.lfs = append(l.lfs, repo)
	}
	slices.Sort(modules)
	for _, m := range slices.Compact(modules) {
		l.modules[m] = true
		if err := l.module(m, repo.asked, depth); err != nil {
			return err
		}
	}
	return nil
}

func (l *lister) alone(p string) {
	l.inner[p] = true
	l.notices = append(l.notices, Notice{Path: p, Kind: "repository", What: "left out", Reason: "it is a repository of its own, and no submodule"})
}

// module adds a submodule that is checked out; one that is not is an empty folder.
func (l *lister) module(m string, above *git.Repo, depth int) error {
	f, err := l.root.open(m, dirFlags)
	if gone(err) {
		return nil
	}
	if err != nil {
		return fault.Cannot("stage submodule %s: %w", show(m), reasonOf(err)).WithHint("make it readable, or add it to exclude: in sandwright.yaml")
	}
	defer f.Close()
	if !git.IsRepository(filepath.Join(l.root.path, m, ".git")) {
		l.notices = append(l.notices, Notice{Path: m, Kind: "dir", What: "left empty", Reason: "the submodule is not checked out"})
		return nil
	}
	rel, err := filepath.Rel(above.Dir, filepath.Join(l.root.path, m))
	if err != nil {
		return fault.Cannot("stage submodule %s: %w", show(m), err)
	}
	return l.git(repository{m, workTree(above.Module(rel))}, depth+1)
}

// outside lists a folder that no repository has, by the same rules: git reads
// its .gitignore files as if an empty repository were there. What is installed
// is no source, so node_modules is left out, whether a rule says so or not.
func (l *lister) outside() error {
	if err := l.emptyRepository(); err != nil {
		return err
	}
	here := &git.Repo{Dir: l.root.path, Top: l.root.path, Env: []string{"GIT_DIR=" + l.none, "GIT_WORK_TREE=" + l.root.path}}
	l.repos = append(l.repos, repository{asked: here})
	var inner []string
	err := l.gitList(repository{asked: here}, append(listOthers(), "--exclude=node_modules"), func(r record) error {
		if p, ok := strings.CutSuffix(r.path, "/"); ok {
			inner = append(inner, p)
			return nil
		}
		return l.add(r.path)
	})
	for _, p := range inner {
		if err == nil {
			err = l.module(p, &git.Repo{Dir: l.root.path}, 0)
		}
	}
	return err
}

// emptyRepository makes the least that git takes for a repository, until close.
func (l *lister) emptyRepository() (err error) {
	if l.none, err = os.MkdirTemp("", "sandwright-git-"); err == nil {
		for _, sub := range []string{"objects", "refs"} {
			err = errors.Join(err, os.Mkdir(filepath.Join(l.none, sub), 0o700))
		}
		err = errors.Join(err, os.WriteFile(filepath.Join(l.none, "HEAD"), []byte("ref: refs/heads/none\n"), 0o600))
	}
	if err != nil {
		return fault.Cannot("list a folder outside git: %w", err).WithHint("set TMPDIR to a folder that you can write to, or run: git init")
	}
	return nil
}

// others lists what git does not track, beside other work, unless past has it.
// What it gives takes that work's error, ends the listing where there is
// one, and adds the names.
func (l *lister) others(repo repository, past *recall) func(failed error, add func(record) error) error {
	ctx, cancel := context.WithCancel(l.ctx)
	var found []record
	var said string
	list := func() (err error) {
		said, err = repo.records(ctx, listOthers(), func(r record) error { found = append(found, r); return nil })
		return err
	}
	done := make(chan error, 1)
	go func() {
		if past.wait() {
			done <- nil
			return
		}
		if past != nil {
			<-past.asked // what a memory says git went by is looked at first, so that a change is seen later
		}
		done <- list()
	}()
	return func(failed error, add func(record) error) error {
		defer cancel()
		if failed != nil {
			cancel()
		}
		err := cmp.Or(failed, <-done)
		if err == nil && past.wait() {
			if past.taken = past.index == l.index && past.setting.onDisk(); past.taken {
				found = past.records()
			} else {
				err = list()
			}
		}
		if err != nil {
			return err
		}
		l.heed(repo, said)
		for _, r := range found {
			l.untracked = append(l.untracked, r.path)
			if err := add(r); err != nil {
				return err
			}
		}
		return nil
	}
}

// gitList gives the records of one git ls-files in a repository as they come.
// What git warns of, such as a folder that it cannot read, becomes a notice.
func (l *lister) gitList(repo repository, what []string, each func(record) error) error {
	said, err := repo.records(l.ctx, what, each)
	if err != nil {
		return err
	}
	l.heed(repo, said)
	return nil
}

// records gives the records of one git ls-files, and what git warns of.
func (r repository) records(ctx context.Context, what []string, each func(record) error) (said string, err error) {
	return r.asked.Listen(ctx, nil, func(out io.Reader) error {
		return git.Records(out, func(rec []byte) error {
			parsed, err := parseRecord(rec)
			if err != nil {
				return err
			}
			return each(parsed)
		})
	}, what...)
}

// heed takes what git warns of. Its warnings end after 4096 bytes, without a
// line end: such a one is of a folder that it could not open for its long path.
func (l *lister) heed(repo repository, said string) {
	l.warned = l.warned || said != ""
	const unopened = "warning: could not open directory '"
	said = strings.ReplaceAll(said, unopened, "\n"+unopened)
	for line := range strings.Lines(said) {
		line = strings.TrimSpace(line)
		dir, ok := strings.CutPrefix(line, unopened)
		dir, why, _ := strings.Cut(dir, "': ")
		switch p := repo.named(dir); {
		case line == "":
		case ok && len(line) > maxPath-200:
			l.deep = append(l.deep, path.Dir(p))
		case ok && l.kind(p) == "dir":
			l.notices = append(l.notices, Notice{Path: p, Kind: "dir", What: "left out", Reason: "git cannot look into it: " + why})
		default:
			l.notices = append(l.notices, l.warning(repo, line))
		}
	}
}

// named is the path of what git names, by its path from the top of a repository.
func (r repository) named(p string) string {
	if prefix := r.asked.Prefix(); prefix != "" {
		p = strings.TrimPrefix(p, prefix+"/")
	}
	return path.Join(r.sub, p)
}

// warning is one that git gives, of the file in it that is there by that name.
func (l *lister) warning(repo repository, line string) Notice {
	n := Notice{Reason: "git says: " + line}
	if _, rest, ok := strings.Cut(line, " '"); ok {
		name, _, _ := strings.Cut(rest, "'")
		p := repo.named(name)
		if kind := l.kind(p); kind != "" {
			n.Path, n.Kind, n.What = p, kind, "kept"
		}
	}
	return n
}

// kind is what stands at a path below the root: dir, link or file; empty where
// nothing does, or git wrote its name in another way.
func (l *lister) kind(p string) string {
	dir, name := split(p)
	fd, err := l.root.openFD(dir, dirFlags)
	if err != nil || !fs.ValidPath(p) {
		return ""
	}
	defer unix.Close(fd)
	st, err := lstat(fd, name)
	switch {
	case err != nil:
		return ""
	case uint32(st.Mode)&unix.S_IFMT == unix.S_IFDIR:
		return Dir.String()
	case uint32(st.Mode)&unix.S_IFMT == unix.S_IFLNK:
		return Link.String()
	}
	return File.String()
}

// workTree keeps a repository's configuration from naming another work tree.
func workTree(r *git.Repo) *git.Repo {
	r.Env = append(r.Env, "GIT_WORK_TREE="+r.Top)
	return r
}

// listTracked asks for what is tracked, with its mode: the index alone is read.
func listTracked() []string { return []string{"ls-files", "-z", "-t", "--cached", "--stage"} }

// listOthers asks for what is neither tracked nor ignored: every folder is read.
func listOthers() []string { return []string{"ls-files", "-z", "-t", "--others", "--exclude-standard"} }
