// Package git asks git about a repository without trusting that repository: no
// hook, monitor, pager or replacement object of its configuration is used, and
// every question has a deadline.
package git

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/smallfile"
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
	common := commonDir(dotGit)
	for _, name := range []string{"objects", "refs"} {
		info, err := os.Stat(common + "/" + name) // as it is: .git may be a link
		if err != nil && !errors.Is(err, os.ErrPermission) || err == nil && info.Mode().Perm()&0o111 == 0 {
			return false // git asks whether it may be executed, and nothing else
		}
	}
	return isHead(filepath.Join(dotGit, "HEAD"))
}

// commonDir is where a repository has what all its worktrees share: see
// get_common_dir in git's setup.c.
func commonDir(dotGit string) string {
	text, err := smallfile.Read(filepath.Join(dotGit, "commondir"), maxCommon)
	if err != nil {
		return dotGit
	}
	dir := strings.TrimRight(string(text), "\r\n")
	if filepath.IsAbs(dir) {
		return dir
	}
	return dotGit + "/" + dir
}

// maxCommon bounds the name of a folder, in bytes.
const maxCommon = 1 << 16

// isHead says whether git takes a file for a HEAD: it names a reference or an
// object. See validate_headref in git's path.c.
func isHead(path string) bool {
	if to, err := os.Readlink(path); err == nil {
		return strings.HasPrefix(to, "refs/")
	}
	f, err := smallfile.Open(path)
	if err != nil {
		return errors.Is(err, os.ErrPermission)
	}
	defer f.Close()
	head := make([]byte, 255) // as many as git looks at
	n, _ := io.ReadFull(f, head)
	text := string(head[:n])
	if to, ok := strings.CutPrefix(text, "ref:"); ok {
		return strings.HasPrefix(strings.TrimLeft(to, " \t\n\r"), "refs/")
	}
	id := text[:min(n, 40)]
	_, err = hex.DecodeString(id)
	return len(id) == 40 && err == nil
}

// IndexAndExclude gives where git keeps the index, and the rules of this clone
// alone; absolute.
func (r *Repo) IndexAndExclude(ctx context.Context) (index, exclude string, err error) {
	dotGit := filepath.Join(r.Top, ".git")
	info, err := os.Lstat(dotGit)
	if err == nil && info.IsDir() {
		if _, err := os.Lstat(filepath.Join(dotGit, "commondir")); errors.Is(err, os.ErrNotExist) {
			return filepath.Join(dotGit, "index"), filepath.Join(dotGit, "info/exclude"), nil
		}
	}
	both, err := r.Line(ctx, "rev-parse", "--path-format=absolute", "--git-path", "index", "--git-path", "info/exclude")
	index, exclude, ok := strings.Cut(both, "\n")
	if err == nil && (!ok || strings.Contains(exclude, "\n")) {
		err = fault.Cannot("read the repository of %q: its folder has a line's end in its name", r.Dir)
	}
	return index, exclude, err
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
