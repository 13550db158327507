package stage

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/sandwright/sandwright/internal/fault"
)

const (
	// listDeadline ends a git that waits, for instance on a fifo called .gitignore.
	listDeadline = 5 * time.Minute
	// maxModules bounds how deep submodules nest.
	maxModules = 16
)

// git adds what git ships of a repository and of its submodules.
func (l *lister) git(repo repository, depth int) error {
	if depth > maxModules {
		return fault.Cannot("stage %s: submodules nest deeper than %d", show(repo.sub), maxModules).
			WithHint("add it to exclude: in sandwright.yaml")
	}
	var modules []string
	attributes := false
	err := l.gitList(repo, append(gitEnv(os.Environ()), "GIT_WORK_TREE="+repo.top), listAll(), func(rec []byte) error {
		r, err := parseRecord(rec)
		if err != nil {
			return err
		}
		p := path.Join(repo.sub, r.path)
		switch {
		case r.mode == modeModule:
			modules = append(modules, p)
		case r.mode == "" && strings.HasSuffix(r.path, "/"):
			l.alone(p)
			return nil
		}
		attributes = attributes || path.Base(r.path) == ".gitattributes"
		return l.add(p)
	})
	if err != nil {
		return err
	}
	if attributes {
		l.lfs = append(l.lfs, repo)
	}
	slices.Sort(modules)
	for _, m := range slices.Compact(modules) {
		l.modules[m] = true
		if err := l.module(m, repo.safe, depth); err != nil {
			return err
		}
	}
	return nil
}

func (l *lister) alone(p string) {
	l.notices = append(l.notices, Notice{Path: p, Kind: "repository", What: "left out", Reason: "it is a repository of its own, and no submodule"})
}

// module adds a submodule that is checked out; one that is not is an empty folder.
func (l *lister) module(m string, safe []string, depth int) error {
	f, err := l.root.open(m, dirFlags)
	if gone(err) {
		return nil
	}
	if err != nil {
		return fault.Cannot("stage submodule %s: %w", show(m), reasonOf(err)).WithHint("make it readable, or add it to exclude: in sandwright.yaml")
	}
	defer f.Close()
	if _, err := lstat(int(f.Fd()), ".git"); err != nil {
		l.notices = append(l.notices, Notice{Path: m, Kind: "dir", What: "left empty", Reason: "the submodule is not checked out"})
		return nil
	}
	top := filepath.Join(l.root.path, m)
	return l.git(repository{m, top, append(slices.Clip(safe), trusted(top, l.root.path)...)}, depth+1)
}

// outside lists a folder that no repository has, by the same rules: git reads
// its .gitignore files as if an empty repository were there. What is installed
// is no source, so node_modules is left out, whether a rule says so or not.
func (l *lister) outside() error {
	none, err := emptyRepository()
	if err != nil {
		return err
	}
	defer os.RemoveAll(none)
	env := append(gitEnv(os.Environ()), "GIT_DIR="+none, "GIT_WORK_TREE="+l.root.path)
	var inner []string
	err = l.gitList(repository{}, env, append(listAll(), "--exclude=node_modules"), func(rec []byte) error {
		r, err := parseRecord(rec)
		if err != nil {
			return err
		}
		if p, ok := strings.CutSuffix(r.path, "/"); ok {
			inner = append(inner, p)
			return nil
		}
		return l.add(r.path)
	})
	for _, p := range inner {
		if err == nil {
			err = l.module(p, nil, 0)
		}
	}
	return err
}

// emptyRepository makes the least that git takes for a repository. The caller
// removes it.
func emptyRepository() (string, error) {
	dir, err := os.MkdirTemp("", "sandwright-git-")
	if err != nil {
		return "", fault.Cannot("list a folder outside git: %w", err)
	}
	for _, sub := range []string{"objects", "refs"} {
		err = errors.Join(err, os.Mkdir(filepath.Join(dir, sub), 0o700))
	}
	if err = errors.Join(err, os.WriteFile(filepath.Join(dir, "HEAD"), []byte("ref: refs/heads/none\n"), 0o600)); err != nil {
		os.RemoveAll(dir)
		return "", fault.Cannot("list a folder outside git: %w", err)
	}
	return dir, nil
}

// trusted gives the repositories to vouch for: git refuses another user's
// checkout, which is what a build as root reads. A repository is vouched for
// when whoever owns the staged folder owns it; others are left to git's rule.
func trusted(top, dir string) []string {
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

// gitList streams the NUL-ended records of one git ls-files in a repository.
// What git warns of, such as a folder that it cannot read, becomes a notice.
func (l *lister) gitList(repo repository, env, what []string, each func([]byte) error) error {
	said, err := l.root.git(l.ctx, gitCall{dir: repo.sub, env: env, args: gitArgs(repo.safe, what)}, func(out io.Reader) error {
		return records(out, each)
	})
	if err != nil {
		return err
	}
	l.heed(repo, said)
	return nil
}

// heed takes what git warns of. Its warnings end after 4096 bytes, without a
// line end: such a one is of a folder that it could not open for its long path.
func (l *lister) heed(repo repository, said string) {
	const unopened = "warning: could not open directory '"
	said = strings.ReplaceAll(said, unopened, "\n"+unopened)
	for line := range strings.Lines(said) {
		line = strings.TrimSpace(line)
		if dir, ok := strings.CutPrefix(line, unopened); ok && len(line) > maxPath-200 {
			dir, _, _ = strings.Cut(dir, "': ")
			l.deep = append(l.deep, path.Join(repo.sub, path.Dir(dir)))
		} else if line != "" {
			l.notices = append(l.notices, Notice{Reason: "git says: " + line})
		}
	}
}

// A gitCall is one run of git in a folder below the root.
type gitCall struct {
	dir       string
	env, args []string
}

// git runs git and gives what it says beside its answer, which read reads.
func (r *root) git(ctx context.Context, call gitCall, read func(io.Reader) error) (said string, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, listDeadline, errors.New("it took longer than "+listDeadline.String()))
	defer cancel()
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	dir := filepath.Join(r.path, call.dir)
	cmd := exec.CommandContext(ctx, "git", call.args...)
	cmd.Dir, cmd.Env = dir, call.env
	cmd.WaitDelay = time.Second
	stderr := &head{}
	cmd.Stderr = stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return "", fault.Cannot("run git: %w", err).WithHint("install git, for instance: apt-get install git")
	}
	go watch(ctx, cmd.Process.Pid, fail)
	if err = read(out); err != nil {
		cancel()
	}
	_, _ = io.Copy(io.Discard, out)
	if failed := cmd.Wait(); failed != nil && err == nil {
		return "", gitFault(ctx, dir, failed, stderr.String())
	}
	return stderr.String(), err
}

// listAll asks for what is tracked, with its mode, and for what is untracked
// and not ignored, in one run.
func listAll() []string {
	return []string{"ls-files", "-z", "-t", "--cached", "--stage", "--others", "--exclude-standard"}
}

// gitArgs asks git without trusting the repository: no hook or monitor of its
// configuration runs, and no bare repository hidden in the tree is used.
func gitArgs(safe, what []string) []string {
	args := []string{"--no-pager", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null",
		"-c", "safe.bareRepository=explicit", "-c", "protocol.allow=never"}
	for _, dir := range safe {
		args = append(args, "-c", "safe.directory="+dir)
	}
	return append(args, what...)
}

// gitEnv drops what would point git elsewhere.
func gitEnv(env []string) []string {
	env = slices.DeleteFunc(slices.Clone(env), func(kv string) bool {
		return strings.HasPrefix(kv, "GIT_") || strings.HasPrefix(kv, "LC_ALL=")
	})
	return append(env, "LC_ALL=C", "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0", "GIT_NO_LAZY_FETCH=1")
}

func gitFault(ctx context.Context, dir string, err error, said string) error {
	if cause := context.Cause(ctx); cause != nil {
		return fault.Cannot("list the files of %s: %w", show(dir), cause).
			WithHint("look whether this ends: git -C %s ls-files --others --exclude-standard", show(dir))
	}
	if said = strings.TrimSpace(said); said == "" {
		said = err.Error()
	}
	line, _, _ := strings.Cut(said, "\n")
	return fault.Cannot("list the files of %s: git says: %s", show(dir), strings.TrimPrefix(line, "fatal: ")).
		WithHint("run: git -C %s status", show(dir))
}

// A head keeps the start of what git complains about.
type head struct{ bytes.Buffer }

const maxHead = 64 << 10

func (h *head) Write(b []byte) (int, error) {
	h.Buffer.Write(b[:min(len(b), max(0, maxHead-h.Len()))])
	return len(b), nil
}
