package gitmeta

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/sandwright/sandwright/internal/git"
)

// maxSmall bounds a file of a repository that is read as a whole, in bytes.
const maxSmall = 1 << 20

// dirs are where a repository keeps what is of all its working trees.
type dirs struct{ common string }

// locate finds the repository's own folders, and refuses a repository that
// would bring in what is not its own: one that its working tree only claims,
// and one in the checkout that leads out of it. A checkout can come from
// anybody, its .git with it, and that can name any folder of this machine.
func locate(ctx context.Context, repo *git.Repo, top string) (dirs, error) {
	gitDir, common, err := folders(ctx, repo)
	if err != nil {
		return dirs{}, err
	}
	real, err := filepath.EvalSymlinks(gitDir)
	if err != nil {
		return dirs{}, err
	}
	d := dirs{common: common}
	if !inside(real, top) {
		if !knows(ctx, repo, real) {
			return d, errRepository(repo.Top, "its .git leads to "+real+", which does not know of it")
		}
		return d, nil
	}
	if real != gitDir || common != gitDir {
		return d, errRepository(repo.Top, "its .git leads through a link")
	}
	return d, contained(repo.Top, gitDir)
}

// folders asks git for the repository's folder and for the one it shares with
// other working trees; at once, where no name of theirs has a line's end in it.
func folders(ctx context.Context, repo *git.Repo) (gitDir, common string, err error) {
	both, err := repo.Line(ctx, "rev-parse", "--path-format=absolute", "--absolute-git-dir", "--git-common-dir")
	if err != nil || strings.Count(both, "\n") == 1 {
		gitDir, common, _ = strings.Cut(both, "\n")
		return gitDir, common, err
	}
	if gitDir, err = repo.Line(ctx, "rev-parse", "--absolute-git-dir"); err != nil {
		return "", "", err
	}
	common, err = repo.Line(ctx, "rev-parse", "--path-format=absolute", "--git-common-dir")
	return gitDir, common, err
}

func inside(p, dir string) bool { return p == dir || strings.HasPrefix(p, dir+"/") }

// knows says that a repository elsewhere has repo as one of its working trees.
func knows(ctx context.Context, repo *git.Repo, gitDir string) bool {
	data, err := readSmall(filepath.Join(gitDir, "gitdir"))
	if err == nil && same(strings.TrimSpace(string(data)), filepath.Join(repo.Top, ".git")) {
		return true
	}
	tree, err := repo.Line(ctx, "config", "--file", filepath.Join(gitDir, "config"), "core.worktree")
	if err != nil || tree == "" {
		return false
	}
	if !filepath.IsAbs(tree) {
		tree = filepath.Join(gitDir, tree)
	}
	return same(tree, repo.Top)
}

// same says that two paths lead to the same file.
func same(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}

// contained refuses a repository of the checkout that has a link in it, or
// objects elsewhere.
func contained(top, gitDir string) error {
	for _, name := range []string{"HEAD", "packed-refs", "shallow", "objects", "refs", "info"} {
		err := filepath.WalkDir(filepath.Join(gitDir, name), func(p string, d fs.DirEntry, err error) error {
			switch {
			case errors.Is(err, fs.ErrNotExist):
				return nil
			case err != nil:
				return err
			case !d.IsDir() && !d.Type().IsRegular():
				rel, _ := filepath.Rel(gitDir, p)
				return errRepository(top, "its .git/"+rel+" is no file of its own")
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	data, err := readSmall(filepath.Join(gitDir, "objects/info/alternates"))
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(bytes.TrimSpace(data)) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	return errRepository(top, "its objects are in another one, which objects/info/alternates names")
}

// readSmall reads a file, but never through a link, and never much.
func readSmall(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(err, fs.ErrInvalid)
	}
	return io.ReadAll(io.LimitReader(f, maxSmall))
}

// excludes gives the patterns of info/exclude, without comments: what is
// ignored on the host is ignored in the box.
func (d dirs) excludes() ([]byte, error) {
	data, err := readSmall(filepath.Join(d.common, "info", "exclude"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ELOOP) {
		return nil, err
	}
	var out []byte
	for line := range bytes.Lines(data) {
		line = bytes.TrimRight(line, "\r\n")
		if len(line) > 0 && line[0] != '#' {
			out = append(append(out, line...), '\n')
		}
	}
	return out, nil
}

// shallow lists the commits at which a shallow clone ends.
func (d dirs) shallow(f format) ([]byte, error) {
	data, err := readSmall(filepath.Join(d.common, "shallow"))
	if errors.Is(err, fs.ErrNotExist) {
		return []byte{}, nil
	}
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(data)) {
		if _, err := f.id(strings.TrimSpace(line)); err != nil {
			return nil, err
		}
	}
	return data, nil
}
