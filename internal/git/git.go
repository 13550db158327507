// Package git asks git about a repository without trusting that repository: no
// hook, monitor, pager or replacement object of its configuration is used, and
// every question has a deadline.
package git

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/sandwright/sandwright/internal/fault"
)

// A Repo is a folder of a repository that questions are asked in.
type Repo struct {
	Dir string // where git runs
	Top string // the nearest folder at or above Dir that holds a .git

	Env []string // what git finds in its environment beside the user's own

	trusted []string // folders vouched for
}

// Find gives the repository that dir is in, or nil where it is in none. Like
// git, it passes over a .git that is none, but where there is no other that is
// the one: git says why it cannot be read. dir is absolute, with no link in it.
func Find(dir string) (*Repo, error) {
	none := ""
	for top := dir; ; top = filepath.Dir(top) {
		dotGit := filepath.Join(top, ".git")
		_, err := os.Lstat(dotGit)
		switch {
		case err == nil && IsRepository(dotGit):
			return &Repo{Dir: dir, Top: top, trusted: vouch(top, dir)}, nil
		case err == nil && none == "":
			none = top
		case err != nil && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR):
			return nil, fault.Cannot("look for a repository: %w", err).WithHint("make %q readable", top)
		}
		if top == filepath.Dir(top) {
			break
		}
	}
	if none != "" {
		return &Repo{Dir: dir, Top: none, trusted: vouch(none, dir)}, nil
	}
	return nil, nil
}

// IsRepository says whether git takes a .git for a repository, or for the name of one.
func IsRepository(dotGit string) bool {
	info, err := os.Stat(dotGit)
	if err != nil || !info.IsDir() {
		return err == nil && info.Mode().IsRegular()
	}
	for _, name := range []string{"HEAD", "objects", "refs"} {
		if _, err := os.Lstat(filepath.Join(dotGit, name)); err != nil && !errors.Is(err, os.ErrPermission) {
			return false
		}
	}
	return true
}

// Module is the submodule checked out at a path below Dir.
func (r *Repo) Module(path string) *Repo {
	top := filepath.Join(r.Dir, path)
	return &Repo{Dir: top, Top: top, trusted: append(slices.Clip(r.trusted), vouch(top, r.Dir)...)}
}

// Prefix is the path of Dir below Top, slash-separated, or "".
func (r *Repo) Prefix() string {
	rel, err := filepath.Rel(r.Top, r.Dir)
	if err != nil || rel == "." {
		return ""
	}
	return filepath.ToSlash(rel)
}

// vouch gives the repositories to vouch for: git refuses another user's
// checkout, which is what a build as root reads. A repository is vouched for
// when whoever owns the staged folder owns it; others are left to git's rule.
func vouch(top, dir string) []string {
	owner, err := ownerOf(dir)
	for _, p := range []string{top, filepath.Join(top, ".git")} {
		other, err2 := ownerOf(p)
		if err != nil || err2 != nil || owner != other {
			return nil
		}
	}
	return []string{top}
}

func ownerOf(p string) (uint32, error) {
	info, err := os.Lstat(p)
	if err != nil {
		return 0, err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, errors.ErrUnsupported
	}
	return st.Uid, nil
}
