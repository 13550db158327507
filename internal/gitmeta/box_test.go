package gitmeta

import (
	"bytes"
	"crypto/sha256"
	"hash"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// gitIn runs the real one, and gives what it printed.
func gitIn(t *testing.T, dir string, args ...string) string {
	t.Helper()
	out, err := tryGit(t, dir, args...)
	if err != nil {
		t.Fatalf("git %q in %s: %v\n%s", args, dir, err, out)
	}
	return out
}

func tryGit(t *testing.T, dir string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-c", "protocol.file.allow=always"}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "HOME=/nowhere", "LC_ALL=C", "GIT_CONFIG_GLOBAL=/dev/null",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@b", "GIT_COMMITTER_NAME=c", "GIT_COMMITTER_EMAIL=c@d",
		"GIT_AUTHOR_DATE=1700000000 +0100", "GIT_COMMITTER_DATE=1700000001 +0000")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	return stdout.String() + stderr.String(), err
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// files are written with the mode that a name's end asks for: x is executable,
// and -> text is a link.
func files(t *testing.T, dir string, all map[string]string) {
	t.Helper()
	for name, text := range all {
		p := filepath.Join(dir, name)
		must(t, os.MkdirAll(filepath.Dir(p), 0o755))
		must(t, os.RemoveAll(p))
		if target, ok := strings.CutPrefix(text, "-> "); ok {
			must(t, os.Symlink(target, p))
			continue
		}
		must(t, os.WriteFile(p, []byte(text), 0o644))
		if strings.HasSuffix(name, ".sh") {
			must(t, os.Chmod(p, 0o755))
		}
	}
}

// checkout makes a repository of two commits, and gives its folder.
func checkout(t *testing.T, args ...string) string {
	t.Helper()
	dir := filepath.Join(realTemp(t), "checkout")
	gitIn(t, "/", append([]string{"init", "-q", "-b", "trunk", dir}, args...)...)
	files(t, dir, map[string]string{"a.txt": "first\n"})
	gitIn(t, dir, "add", ".")
	gitIn(t, dir, "commit", "-qm", "one")
	files(t, dir, map[string]string{
		"a.txt": "a\n", "run.sh": "#!/bin/sh\n", "empty": "", "apps/web/main.js": "web\n", "apps/web/lib/deep/x.js": "x\n",
		"apps/api/main.js": "web\n", "link": "-> a.txt", "apps.txt": "beside apps\n", ".gitignore": "node_modules/\n*.log\n",
		"sp ace\n\"q\" é.txt": "odd\n",
	})
	gitIn(t, dir, "add", ".")
	gitIn(t, dir, "commit", "-qm", "two\n\nwith a body")
	return dir
}

func realTemp(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	must(t, err)
	return dir
}

// A workspace is what is staged of a folder: everything but repositories, what
// git ignores, and what starts with one of the prefixes.
func workspace(t *testing.T, dir string, but ...string) map[string]Staged {
	t.Helper()
	out := map[string]Staged{}
	must(t, filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(dir, p)
		if d.Name() == ".git" {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		for _, prefix := range but {
			if strings.HasPrefix(rel, prefix) {
				return nil
			}
		}
		if d.IsDir() {
			return err
		}
		data, err := contents(p)
		sum := sha256.Sum256(data)
		out[rel] = Staged{Size: int64(len(data)), Sum: string(sum[:]), Open: func() (io.ReadCloser, error) { return os.Open(p) }}
		return err
	}))
	return out
}

func contents(p string) ([]byte, error) {
	if target, err := os.Readlink(p); err == nil {
		return []byte(target), nil
	}
	return os.ReadFile(p)
}

func options(t *testing.T, dir string, staged map[string]Staged) Options {
	return Options{
		Dir: dir, Mode: Head, Store: filepath.Join(t.TempDir(), "git"), Home: "/home/dev",
		Author: Author{"dev", "dev@demo.invalid"}, NewSum: newPlainSum,
		Tree: Tree{
			Staged: func(p string) (Staged, bool) { s, ok := staged[p]; return s, ok },
			Folder: func(p string) bool { info, err := os.Lstat(filepath.Join(dir, p)); return err == nil && info.IsDir() },
			Hidden: func(p string) bool { _, err := os.Lstat(filepath.Join(dir, p)); return err == nil },
		},
	}
}

type plainSum struct{ hash.Hash }

func newPlainSum(int64) Sum { return plainSum{sha256.New()} }

func (p plainSum) Sum() string { return string(p.Hash.Sum(nil)) }

func metadata(t *testing.T, o Options) Metadata {
	t.Helper()
	m, err := Make(t.Context(), o)
	must(t, err)
	return m
}

// build makes the box: what is staged, with the time 0, and the metadata.
func build(t *testing.T, o Options, staged map[string]Staged) string {
	t.Helper()
	m := metadata(t, o)
	boxDir := filepath.Join(realTemp(t), "box")
	for rel := range staged {
		from, to := filepath.Join(o.Dir, rel), filepath.Join(boxDir, rel)
		must(t, os.MkdirAll(filepath.Dir(to), 0o755))
		info, err := os.Lstat(from)
		must(t, err)
		data, err := contents(from)
		must(t, err)
		if info.Mode().Type() == fs.ModeSymlink {
			must(t, os.Symlink(string(data), to))
		} else {
			must(t, os.WriteFile(to, data, info.Mode().Perm()))
		}
		zero := []unix.Timespec{{}, {}}
		must(t, unix.UtimesNanoAt(unix.AT_FDCWD, to, zero, unix.AT_SYMLINK_NOFOLLOW))
	}
	for _, f := range m.Files {
		lay(t, boxDir, f)
	}
	return boxDir
}

func lay(t *testing.T, dir string, f File) {
	t.Helper()
	to := filepath.Join(dir, f.Path)
	if f.Open == nil {
		must(t, os.MkdirAll(to, 0o755))
		return
	}
	must(t, os.MkdirAll(filepath.Dir(to), 0o755))
	r, err := f.Open()
	must(t, err)
	defer r.Close()
	data, err := io.ReadAll(r)
	must(t, err)
	if int64(len(data)) != f.Size {
		t.Errorf("%s has %d bytes, not %d", f.Path, len(data), f.Size)
	}
	must(t, os.WriteFile(to, data, 0o644))
	must(t, os.Chtimes(to, time.Unix(0, 0), time.Unix(0, 0)))
}

// clean holds a box to a status without a change, found without reading a file.
func clean(t *testing.T, boxDir string) {
	t.Helper()
	if out := gitIn(t, boxDir, "diff-files", "--name-only"); out != "" {
		t.Errorf("git would read:\n%s", out)
	}
	equal(t, "status", gitIn(t, boxDir, "status", "--porcelain"), "")
	healthy(t, boxDir)
}

func healthy(t *testing.T, boxDir string) {
	t.Helper()
	if out, err := tryGit(t, boxDir, "fsck", "--full", "--strict", "--no-dangling"); err != nil || strings.TrimSpace(out) != "" {
		t.Errorf("fsck: %v\n%s", err, out)
	}
}

func equal(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s is %q, want %q", what, got, want)
	}
}

// plainGit runs git as somebody in the box would: without any configuration.
func plainGit(dir string, args ...string) (string, error) {
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Env = dir, []string{"PATH=" + os.Getenv("PATH"), "GIT_CONFIG_NOSYSTEM=1"}
	out, err := cmd.CombinedOutput()
	return string(out), err
}
