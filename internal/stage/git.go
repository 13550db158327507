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

// git adds what git ships of the repository at sub, a path below the root that
// is empty for the root itself, and of its submodules.
func (l *lister) git(sub string, safe []string, depth int) error {
	if depth > maxModules {
		return fault.Cannot("stage %s: submodules nest deeper than %d", show(sub), maxModules)
	}
	var modules []string
	dir := filepath.Join(l.root.path, sub)
	err := l.gitList(dir, safe, []string{"--cached", "--stage"}, func(rec []byte) error {
		mode, p, err := parseStaged(rec)
		if err != nil {
			return err
		}
		if mode == modeModule {
			modules = append(modules, path.Join(sub, p))
		}
		return l.add(path.Join(sub, p))
	})
	if err != nil {
		return err
	}
	err = l.gitList(dir, safe, []string{"--others", "--exclude-standard"}, func(rec []byte) error {
		p := path.Join(sub, string(rec))
		if bytes.HasSuffix(rec, []byte("/")) {
			l.notices = append(l.notices, "left out "+show(p)+": it is a repository of its own, and no submodule")
			return nil
		}
		return l.add(p)
	})
	if err != nil {
		return err
	}
	slices.Sort(modules)
	for _, m := range slices.Compact(modules) {
		if err := l.module(m, safe, depth); err != nil {
			return err
		}
	}
	return nil
}

// module adds a submodule that is checked out; one that is not is an empty folder.
func (l *lister) module(m string, safe []string, depth int) error {
	f, err := l.root.open(m, dirFlags)
	if gone(err) {
		return nil
	}
	if err != nil {
		return fault.Cannot("stage submodule %s: %w", show(m), err)
	}
	defer f.Close()
	if _, err := lstat(f, ".git"); err != nil {
		l.notices = append(l.notices, "left "+show(m)+" empty: the submodule is not checked out")
		return nil
	}
	top := filepath.Join(l.root.path, m)
	return l.git(m, append(slices.Clip(safe), trusted(top, l.root.path)...), depth+1)
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

// gitList streams the NUL-ended records of one git ls-files in dir. What git
// warns of, such as a folder that it cannot read, becomes a notice.
func (l *lister) gitList(dir string, safe, what []string, each func([]byte) error) error {
	ctx, cancel := context.WithTimeoutCause(l.ctx, listDeadline, errors.New("it took longer than "+listDeadline.String()))
	defer cancel()
	cmd := exec.CommandContext(ctx, "git", gitArgs(safe, what)...)
	cmd.Dir, cmd.Env = dir, gitEnv(os.Environ())
	cmd.WaitDelay = time.Second
	stderr := &head{}
	cmd.Stderr = stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return fault.Cannot("run git: %w", err).WithHint("install git, for instance: apt-get install git")
	}
	err = records(out, each)
	if err != nil {
		cancel()
	}
	_, _ = io.Copy(io.Discard, out)
	if failed := cmd.Wait(); failed != nil && err == nil {
		return gitFault(ctx, dir, failed, stderr.String())
	}
	for line := range strings.Lines(stderr.String()) {
		l.notices = append(l.notices, "git says: "+strings.TrimSpace(line))
	}
	return err
}

// gitArgs asks git without trusting the repository: no hook or monitor of its
// configuration runs, and no bare repository hidden in the tree is used.
func gitArgs(safe, what []string) []string {
	args := []string{"--no-pager", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null",
		"-c", "safe.bareRepository=explicit", "-c", "protocol.allow=never"}
	for _, dir := range safe {
		args = append(args, "-c", "safe.directory="+dir)
	}
	return append(append(args, "ls-files", "-z"), what...)
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

const maxHead = 4096

func (h *head) Write(b []byte) (int, error) {
	h.Buffer.Write(b[:min(len(b), max(0, maxHead-h.Len()))])
	return len(b), nil
}
