package stage

import (
	"errors"
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/sandwright/sandwright/internal/workspace"
)

func TestAsFS(t *testing.T) {
	d := sample(t)
	d.remove("\xff odd\n") // io/fs cannot name it
	tree := d.stage(Options{})
	if err := fstest.TestFS(tree, "a/b/c", "a-b", "a.txt", "a0", "empty", "run.sh", "l", "a/up"); err != nil {
		t.Error(err)
	}
}

func TestAsFSFollowsInside(t *testing.T) {
	d := sample(t)
	d.link("loop", "loop")
	d.link("gone", "missing")
	tree := d.stage(Options{})
	for name, want := range map[string]string{"l/c": "deep", "a/b/c": "deep", "a-b": "dash"} {
		if got, err := fs.ReadFile(tree, name); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v; want %q", name, got, err, want)
		}
	}
	for _, name := range []string{"loop", "gone", "missing", "a-b/x", "l/missing"} {
		if _, err := fs.ReadFile(tree, name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: error %v, want that it is not there", name, err)
		}
	}
	for _, name := range []string{"..", "../outside/file", "/etc/passwd", "a//b", "", "\xff odd\n"} {
		if _, err := fs.Stat(tree, name); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("%q: error %v, want that it is invalid", name, err)
		}
	}
}

func TestAsFSErrors(t *testing.T) {
	tree := sample(t).stage(Options{})
	if _, err := tree.ReadDir("a-b"); err == nil {
		t.Error("a file was listed")
	}
	if _, err := tree.ReadDir("missing"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing folder: %v", err)
	}
	if _, err := tree.ReadLink("a-b"); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("the target of a file: %v", err)
	}
	if _, err := tree.ReadLink("missing"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing link: %v", err)
	}
	if _, err := tree.Lstat("missing"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing name: %v", err)
	}
	if _, err := tree.ReadFile("a"); err == nil {
		t.Error("a folder was read")
	}
	if info, err := tree.Lstat("."); err != nil || !info.IsDir() {
		t.Errorf("the root: %v, %v", info, err)
	}
}

func TestAsFSAfterAChange(t *testing.T) {
	d := sample(t)
	tree := d.stage(Options{})
	d.remove("a-b")
	d.link("a-b", "../outside/file")
	if _, err := tree.ReadFile("a-b"); !errors.Is(err, ErrChanged) {
		t.Errorf("error %v, want ErrChanged", err)
	}
}

// The workspace is found through the staged tree, never around it.
func TestFindWorkspace(t *testing.T) {
	d := checkout(t)
	d.file("package.json", `{"name": "top", "packageManager": "pnpm@10.28.0"}`)
	d.file("pnpm-lock.yaml", "lockfileVersion: '9.0'\n")
	d.file("pnpm-workspace.yaml", "packages: ['packages/*']\n")
	d.file("packages/a/package.json", `{"name": "a"}`)
	d.file("packages/ignored/package.json", `{"name": "ignored"}`)
	d.file(".gitignore", "ignored\n")
	ws, err := workspace.Find(d.stage(Options{}), workspace.Options{})
	d.check(err)
	var dirs []string
	for _, p := range ws.Packages {
		dirs = append(dirs, p.Dir)
	}
	if diff := cmp.Diff([]string{".", "packages/a"}, dirs); diff != "" {
		t.Errorf("packages (-want +got):\n%s", diff)
	}
}
