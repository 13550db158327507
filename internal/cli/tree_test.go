package cli

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sandwright/sandwright/internal/config"
	"github.com/sandwright/sandwright/internal/gitmeta"
	"github.com/sandwright/sandwright/internal/stage"
)

func TestOwnFiles(t *testing.T) {
	for home, want := range map[string][]string{
		"/srv/app/.home":    {".home"},
		"/srv/app/a/b":      {"a/b"},
		"/srv/app/[!a]*/#?": {`\[\!a\]\*/\#\?`},
		"/srv/app":          nil,
		"/srv/application":  nil,
		"/srv":              nil,
	} {
		if diff := cmp.Diff(want, ownFiles("/srv/app", home)); diff != "" {
			t.Errorf("%s: %s", home, diff)
		}
	}
}

// What is kept in the tree is not part of it, whatever it is called and whatever is in it.
func TestHomeInTheTree(t *testing.T) {
	for _, name := range []string{".home", "[!a]*", "deep/er"} {
		dir := t.TempDir()
		for _, file := range []string{"app.js", name + "/engine/snapshots/1/.git/HEAD", name + "/engine/snapshots/1/key.pem"} {
			if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, file)), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, file), []byte("x"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		tree, err := stage.Open(t.Context(), dir, stage.Options{Exclude: ownFiles(dir, filepath.Join(dir, name))})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got []string
		for _, e := range tree.Entries() {
			if e.Kind == stage.File {
				got = append(got, e.Path)
			}
		}
		if diff := cmp.Diff([]string{"app.js"}, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		tree.Close()
	}
}

// What git cannot even be asked for is no repository without a word.
func TestARepositoryThatCannotBeAsked(t *testing.T) {
	for git, said := range map[string]bool{gitmeta.Head: true, gitmeta.Full: true, gitmeta.None: false} {
		p := project{t.TempDir(), &config.File{Git: git, Workspace: config.Workspace{Root: "gone"}}}
		out, err := askGit(t.Context(), nil, func() (repository, error) { return beginGit(t.Context(), p) })
		if (err != nil) != said || len(out.metadata.Files) > 0 {
			t.Errorf("git: %s gives %v, %v", git, out, err)
		}
	}
}
