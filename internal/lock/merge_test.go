package lock

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestGitMergesChangesOfTwoTools holds the layout of the file against git's
// own merge: two branches that each touch one tool, the base or the manager.
func TestGitMergesChangesOfTwoTools(t *testing.T) {
	update := func(name string) func(*Lock) {
		return func(l *Lock) {
			tool := l.Tools[name]
			for platform, a := range tool.Platforms {
				a.Version, a.Size, a.SHA256, a.Bin = "9.9.9", 99, a.Tree, map[string]string{"x": "x"}
				tool.Platforms[platform] = a
			}
			tool.Version, tool.Inputs = "9.9.9", full().Tools["busybox"].Inputs
			l.Tools[name] = tool
		}
	}
	base := func(l *Lock) { l.Base.Source, l.Base.Inputs = "debian:trixie", full().Tools["gh"].Inputs }
	for name, pair := range map[string][2]func(*Lock){
		"neighbours":            {update("claude"), update("gh")},
		"first and last":        {update("busybox"), update("node")},
		"base and first tool":   {base, update("busybox")},
		"manager and base":      {func(l *Lock) { l.Manager = "pnpm@11.0.0" }, base},
		"one goes, one changes": {func(l *Lock) { delete(l.Tools, "claude") }, update("node")},
		"a new one, an updated one": {func(l *Lock) {
			l.Tools["aaa"] = full().Tools["gh"]
		}, update("claude")},
	} {
		ours, theirs, both := full(), full(), full()
		pair[0](ours)
		pair[1](theirs)
		pair[0](both)
		pair[1](both)
		got := merged(t, Format(full()), Format(ours), Format(theirs))
		if diff := cmp.Diff(string(Format(both)), string(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// merged is what git makes of two versions of a file.
func merged(t *testing.T, base, ours, theirs []byte) []byte {
	t.Helper()
	dir := t.TempDir()
	for name, data := range map[string][]byte{"base": base, "ours": ours, "theirs": theirs} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "git", "merge-file", "-p", "ours", "base", "theirs")
	cmd.Dir = dir
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("git merge-file: %v %s", err, said.String())
	}
	return out
}
