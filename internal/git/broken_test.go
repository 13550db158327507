package git

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/sandwright/sandwright/internal/fault"
)

// Where git cannot read a repository, what it says comes with what helps.
func TestBrokenRepositories(t *testing.T) {
	for name, c := range map[string]struct{ script, says, hint string }{
		"empty .git":      {"rm -r .git && mkdir .git", "not a git repository", "TOP/.git\" is no repository: make it one with: git init"},
		"no HEAD":         {"rm .git/HEAD", "not a git repository", "make it one with: git init"},
		"a fifo":          {"rm -r .git && mkfifo .git", "not a git repository", "make it one with: git init"},
		"a dangling link": {"rm -r .git && ln -s nowhere .git", "not a git repository", "make it one with: git init"},
		"to nowhere":      {"rm -r .git && echo gitdir: nowhere > .git", "not a git repository: ", "git worktree repair"},
		"nonsense":        {"rm -r .git && echo nonsense > .git", "invalid gitfile format", "has to say gitdir:"},
		"index":           {"echo garbage > .git/index", "index file", "remove \"TOP/.git/index\", then run: git -C \"TOP\" reset"},
		"split index":     {"git update-index --split-index && rm .git/sharedindex.*", "index file", "its index is damaged"},
		"config":          {"echo '[bad' > .git/config", "bad config line 1", "correct that line"},
		"config's value":  {"git config core.bare maybe", "bad boolean config value", "config --edit"},
		"version":         {"git config core.repositoryformatversion 7", "Expected git repo version", "install a newer git"},
		"extension":       {"git config core.repositoryformatversion 1 && git config extensions.foo bar", "unknown repository extension", "install a newer git"},
		"other":           {"echo ref: refs/heads/none > .git/HEAD; git update-ref -d refs/heads/trunk; printf 0123 > .git/refs/heads/none", "", "fsck"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := made(t)
			sh(t, dir, c.script)
			r := find(t, dir)
			var err error
			if _, err = r.Output(t.Context(), "ls-files", "--cached"); name == "other" {
				_, err = r.Output(t.Context(), "log", "HEAD")
			}
			if err == nil || !strings.Contains(err.Error(), "git says: ") || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("%v, want %q", err, c.says)
			}
			if hint := strings.ReplaceAll(fault.All(err)[0].Hint, dir, "TOP"); !strings.Contains(hint, c.hint) {
				t.Errorf("hint %q, want %q", hint, c.hint)
			}
		})
	}
}

// Git passes over a .git that is no repository when there is one above.
func TestFindPassesOverWhatIsNone(t *testing.T) {
	for _, script := range []string{"mkdir sub/.git", "mkfifo sub/.git", "ln -s nowhere sub/.git", "mkdir sub/.git && touch sub/.git/HEAD",
		"mkdir -p sub/.git/objects sub/.git/refs && echo nonsense > sub/.git/HEAD", "mkdir -p sub/.git/objects sub/.git/refs && echo ref: other > sub/.git/HEAD",
		"mkdir -p sub/.git/objects sub/.git/refs && ln -s other sub/.git/HEAD"} {
		top := made(t)
		sh(t, top, script)
		r := find(t, filepath.Join(top, "sub"))
		out, err := r.Output(t.Context(), "ls-files")
		if r.Top != top || string(out) != "deep/b\n" || err != nil {
			t.Errorf("%s: %s lists %q, %v", script, r.Top, out, err)
		}
	}
}
