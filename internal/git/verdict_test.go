package git

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What is taken for a repository is what git itself takes for one.
func TestIsRepositoryAsGit(t *testing.T) {
	id := strings.Repeat("0123456789", 4)
	whole := "mkdir -p .git/objects .git/refs; "
	for _, script := range []string{
		"mkdir .git",
		"git init -q",
		"git init -q; rm .git/config",
		"git init -q; rm .git/HEAD",
		"git init -q; rm -r .git/refs",
		"git init -q; rm -r .git/objects",
		"git init -q; mv .git it; ln -s it .git",
		"git init -q; mv .git/HEAD .git/H; ln -s H .git/HEAD",
		"git init -q; mv .git/objects o; ln -s ../o .git/objects",
		"git init -q; rm -r .git/objects; ln -s nowhere .git/objects",
		"git init -q; rm -r .git/objects; touch .git/objects",
		"git init -q; rm -r .git/objects; touch .git/objects; chmod +x .git/objects",
		"git init -q; rm -r .git/refs; touch .git/refs",
		"mkfifo .git", "ln -s nowhere .git",
		whole + "ln -s refs/heads/none .git/HEAD",
		whole + "ln -s other .git/HEAD",
		whole + "mkdir .git/HEAD", whole + "touch .git/HEAD",
		whole + "printf ref:refs/heads/x > .git/HEAD",
		whole + "printf 'ref: \\t\\r\\n refs/heads/x' > .git/HEAD",
		whole + "printf 'ref:\\vrefs/heads/x' > .git/HEAD",
		whole + "printf 'ref:\\frefs/heads/x' > .git/HEAD",
		whole + "printf 'ref: other' > .git/HEAD", whole + "printf 'REF: refs/heads/x' > .git/HEAD",
		whole + "printf 'ref:%246srefs/' '' > .git/HEAD", whole + "printf 'ref:%247srefs/' '' > .git/HEAD",
		whole + "printf " + id + " > .git/HEAD", whole + "printf " + id[1:] + " > .git/HEAD",
		whole + "printf " + strings.Repeat("ABCDEF", 7) + " > .git/HEAD", whole + "printf " + id + "tail > .git/HEAD",
		whole + "printf g" + id + " > .git/HEAD",
		// As of a worktree: the rest is in a folder that it names.
		"git init -q other; mkdir .git; cp other/.git/HEAD .git; echo ../other/.git > .git/commondir",
		"git init -q other; mkdir .git; cp other/.git/HEAD .git; echo \"$PWD/other/.git\" > .git/commondir",
		"git init -q other; mkdir .git; cp other/.git/HEAD .git; printf '../other/.git\\r\\n\\n' > .git/commondir",
		"git init -q a/other; mkdir a/it; cp a/other/.git/HEAD a/it; echo ../other/.git > a/it/commondir; ln -s a/it .git",
		"git init -q; echo nowhere > .git/commondir",
	} {
		dir, err := filepath.EvalSymlinks(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		sh(t, dir, script)
		cmd := exec.Command("git", "-c", "safe.bareRepository=explicit", "rev-parse", "--git-dir")
		cmd.Dir = dir
		said, err := cmd.CombinedOutput()
		if got, want := IsRepository(filepath.Join(dir, ".git")), err == nil; got != want {
			t.Errorf("%s: %v, git says %v: %s", script, got, want, said)
		}
	}
}
