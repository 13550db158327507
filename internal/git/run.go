package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/sandwright/sandwright/internal/fault"
)

const (
	// deadline ends a git that waits, for instance on a fifo in .git.
	deadline = 10 * time.Minute
	// stall is how long a git may neither compute nor wait for a disk.
	stall = 20 * time.Second
	// maxOutput bounds what Output keeps.
	maxOutput = 64 << 20
)

// Output gives what git prints.
func (r *Repo) Output(ctx context.Context, args ...string) ([]byte, error) {
	var out []byte
	err := r.Stream(ctx, nil, func(from io.Reader) (err error) {
		out, err = io.ReadAll(io.LimitReader(from, maxOutput+1))
		if len(out) > maxOutput {
			err = fault.Cannot("read what git prints: it is larger than %d MB", maxOutput>>20)
		}
		return err
	}, args...)
	return out, err
}

// Line gives what git prints, without the end of its line.
func (r *Repo) Line(ctx context.Context, args ...string) (string, error) {
	out, err := r.Output(ctx, args...)
	return strings.TrimRight(string(out), "\n"), err
}

// Find gives the object that a name stands for, in hex, or "" where there is
// none, as in a repository without a commit.
func (r *Repo) Find(ctx context.Context, name string) (string, error) {
	out, err := r.Line(ctx, "rev-parse", "-q", "--verify", "--end-of-options", name)
	var ended *exec.ExitError
	if errors.As(err, &ended) && ended.ExitCode() == 1 {
		return "", nil // it is silent then
	}
	return out, err
}

// Stream gives git's output to read as it comes, while git reads stdin, which
// may be nil. It returns once git has ended. The error of read is preferred to
// git's own, which is a fault.
func (r *Repo) Stream(ctx context.Context, stdin io.Reader, read func(io.Reader) error, args ...string) error {
	_, err := r.Listen(ctx, stdin, read, args...)
	return err
}

// Listen is Stream, and gives what git warns of.
func (r *Repo) Listen(ctx context.Context, stdin io.Reader, read func(io.Reader) error, args ...string) (said string, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, deadline, errors.New("it took longer than "+deadline.String()))
	defer cancel()
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	cmd := r.command(ctx, args)
	cmd.Stdin = stdin
	stderr := &head{}
	cmd.Stderr = stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return "", fault.Cannot("run git: %w", err).WithHint("install git, for instance: apt-get install git")
	}
	go watch(ctx, cmd.Process.Pid, stall, fail)
	err = read(out)
	if err != nil {
		cancel()
	}
	_, _ = io.Copy(io.Discard, out)
	if failed := cmd.Wait(); failed != nil && err == nil {
		return "", r.fault(ctx, failed, stderr.kept.String())
	}
	return stderr.kept.String(), err
}

func (r *Repo) command(ctx context.Context, args []string) *exec.Cmd {
	given := []string{"--no-pager", "--no-replace-objects", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null",
		"-c", "safe.bareRepository=explicit", "-c", "protocol.allow=never"}
	for _, dir := range r.trusted {
		given = append(given, "-c", "safe.directory="+dir)
	}
	argv := []string{"git"} // where there is none, starting it says so
	if git, err := exec.LookPath("git"); err == nil {
		argv = bounded(git, append(given, args...))
	}
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = r.Dir, append(environ(os.Environ()), r.Env...)
	cmd.WaitDelay = time.Second
	return cmd
}

// environ drops what would point git elsewhere.
func environ(env []string) []string {
	env = slices.DeleteFunc(slices.Clone(env), func(kv string) bool {
		return strings.HasPrefix(kv, "GIT_") || strings.HasPrefix(kv, "LC_ALL=")
	})
	return append(env, "LC_ALL=C", "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0", "GIT_NO_LAZY_FETCH=1")
}

func (r *Repo) fault(ctx context.Context, err error, said string) error {
	if on := (*waiting)(nil); errors.As(context.Cause(ctx), &on) {
		return fault.Cannot("read the repository of %q: %w", r.Dir, on).WithHint("remove it: rm %q", on.path)
	}
	if cause := context.Cause(ctx); cause != nil {
		return fault.Cannot("read the repository of %q: %w", r.Dir, cause).WithHint("look whether this ends: git -C %q status", r.Dir)
	}
	if said = strings.TrimSpace(said); said == "" {
		return fault.Cannot("read the repository of %q: git ended with %w", r.Dir, err)
	}
	line, _, _ := strings.Cut(said, "\n")
	return fault.Cannot("read the repository of %q: git says: %s", r.Dir, strings.TrimPrefix(line, "fatal: ")).WithHint("%s", r.remedy(said))
}

// remedy is what helps against what git says.
func (r *Repo) remedy(said string) string {
	dotGit := filepath.Join(r.Top, ".git")
	for _, known := range []struct{ part, hint string }{
		{"dubious ownership", fmt.Sprintf("give it one owner: chown -R, or if you trust it, run: git config --global --add safe.directory %q", r.Top)},
		{"not a git repository: ", fmt.Sprintf("its .git names a folder that is no repository: run git worktree repair where the repository is, or remove %q", dotGit)},
		{"not a git repository", fmt.Sprintf("%q is no repository: make it one with: git init, or remove it", dotGit)},
		{"invalid gitfile format", fmt.Sprintf("%q has to say gitdir: and a folder; correct or remove it", dotGit)},
		{"index file", fmt.Sprintf("its index is damaged: remove %q, then run: git -C %q reset", filepath.Join(dotGit, "index"), r.Top)},
		{"index uses", "install a newer git"},
		{"bad config line", "correct that line"},
		{"config value", fmt.Sprintf("correct it: git -C %q config --edit", r.Top)},
		{"bare repository", "stage a folder with its files, such as a clone of it"},
		{"Expected git repo version", "install a newer git"},
		{"unknown repository extension", "install a newer git"},
		{"ut of memory", fmt.Sprintf("it reads something huge, perhaps a link to a device: look at .gitignore, .gitattributes and what is in %q", dotGit)},
		{"Permission denied", fmt.Sprintf("make it readable for you: ls -ld %q", dotGit)},
	} {
		if strings.Contains(said, known.part) {
			return known.hint
		}
	}
	return fmt.Sprintf("run: git -C %q fsck", r.Dir)
}

// A waiting is the end of a git that waits for a fifo.
type waiting struct{ path string }

func (w *waiting) Error() string {
	return fmt.Sprintf("git waits for %q, a fifo that nobody writes to", w.path)
}

// A head keeps the start of what git complains about.
type head struct{ kept bytes.Buffer } // not embedded: io.Copy would pass the bound by

const maxHead = 64 << 10

func (h *head) Write(b []byte) (int, error) {
	h.kept.Write(b[:min(len(b), max(0, maxHead-h.kept.Len()))])
	return len(b), nil
}
