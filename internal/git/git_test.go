package git

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
)

// made makes one with a commit of two files.
func made(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	sh(t, dir, `git init -q -b trunk && mkdir -p sub/deep && echo one > a && printf two > sub/deep/b && git add . &&
		git -c user.name=a -c user.email=a@b commit -qm one`)
	return dir
}

func sh(t *testing.T, dir, script string) {
	t.Helper()
	cmd := exec.Command("sh", "-c", script)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

func find(t *testing.T, dir string) *Repo {
	t.Helper()
	r, err := Find(dir)
	if err != nil || r == nil {
		t.Fatalf("%v, %v", r, err)
	}
	return r
}

func TestFind(t *testing.T) {
	top := made(t)
	for prefix, dir := range map[string]string{"": top, "sub/deep": filepath.Join(top, "sub/deep")} {
		if r := find(t, dir); r.Top != top || r.Prefix() != prefix {
			t.Errorf("%s: %+v, prefix %q", dir, r, r.Prefix())
		}
	}
	if r, err := Find("/proc"); r != nil || err != nil {
		t.Errorf("/proc is in %v, %v", r, err)
	}
}

func TestQuestions(t *testing.T) {
	r := find(t, made(t))
	ctx := t.Context()
	if line, err := r.Line(ctx, "symbolic-ref", "HEAD"); line != "refs/heads/trunk" || err != nil {
		t.Errorf("%q, %v", line, err)
	}
	commit, err := r.Find(ctx, "HEAD")
	if err != nil || len(commit) != 40 {
		t.Errorf("%q, %v", commit, err)
	}
	if none, err := r.Find(ctx, "refs/heads/none"); none != "" || err != nil {
		t.Errorf("%q, %v", none, err)
	}
	if none, err := r.Find(ctx, "--all"); none != "" || err != nil {
		t.Errorf("an option is taken for what it says: %q, %v", none, err)
	}
	if _, err := r.Output(ctx, "cat-file", "commit", "HEAD:none"); err == nil || !strings.Contains(err.Error(), "git says: ") {
		t.Errorf("%v", err)
	}
}

func TestObjects(t *testing.T) {
	r := find(t, made(t))
	var got []string
	err := r.Objects(t.Context(), []string{"HEAD:a", "HEAD:none", "HEAD:sub/deep/b", "HEAD:sub", "HEAD:a"}, func(o Object) error {
		data, err := io.ReadAll(io.LimitReader(o, 2)) // what is left is passed over
		got = append(got, o.Name+" "+o.Kind+" "+strings.ToValidUTF8(string(data), "?"))
		return err
	})
	want := "HEAD:a blob on|HEAD:none missing |HEAD:sub/deep/b blob tw|HEAD:sub tree 40|HEAD:a blob on"
	if strings.Join(got, "|") != want || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	stop := errors.New("stop")
	if err := r.Objects(t.Context(), []string{"HEAD:a"}, func(Object) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("%v", err)
	}
}

// What a repository configures does not run, and the environment does not
// point git elsewhere.
func TestTheRepositoryIsNotTrusted(t *testing.T) {
	dir := made(t)
	sh(t, dir, `git config core.fsmonitor 'touch ran; false' && git config core.pager 'touch ran; cat' && git config alias.ls-files '!touch ran' &&
		printf '#!/bin/sh\ntouch ran\n' > .git/hooks/post-index-change && chmod +x .git/hooks/post-index-change &&
		git replace $(git rev-parse HEAD:a) $(git rev-parse HEAD:sub/deep/b)`)
	t.Setenv("GIT_DIR", "/nowhere")
	t.Setenv("GIT_OBJECT_DIRECTORY", "/nowhere")
	r := find(t, dir)
	out, err := r.Output(t.Context(), "ls-files", "--others", "--cached")
	if string(out) != "a\nsub/deep/b\n" || err != nil {
		t.Errorf("%q, %v", out, err)
	}
	if out, err := r.Output(t.Context(), "cat-file", "blob", "HEAD:a"); string(out) != "one\n" || err != nil {
		t.Errorf("%q, %v", out, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "ran")); err == nil {
		t.Error("a command of the repository ran")
	}
}

func TestModule(t *testing.T) {
	dir := made(t)
	sh(t, dir, `git -c protocol.file.allow=always submodule --quiet add "$PWD" lib`)
	m := find(t, dir).Module("lib")
	if commit, err := m.Find(t.Context(), "HEAD"); len(commit) != 40 || err != nil || m.Prefix() != "" {
		t.Errorf("%q, %v", commit, err)
	}
}

func FuzzRecords(f *testing.F) {
	f.Add([]byte("a\x00b\x00"))
	f.Add([]byte("a\x00b"))
	f.Add([]byte("\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var back []byte
		err := Records(iotest.HalfReader(strings.NewReader(string(data))), func(rec []byte) error {
			back = append(append(back, rec...), 0)
			return nil
		})
		if whole := len(data) == 0 || data[len(data)-1] == 0; whole != (err == nil) || whole && string(back) != string(data) {
			t.Errorf("%q gave %q, %v", data, back, err)
		}
	})
}

// TestWhatGitComplainsAboutIsBounded however it is copied.
func TestWhatGitComplainsAboutIsBounded(t *testing.T) {
	var h head
	if n, err := io.Copy(&h, strings.NewReader(strings.Repeat("x", 2*maxHead))); n != 2*maxHead || err != nil || h.kept.Len() != maxHead {
		t.Errorf("%d, %v; kept %d", n, err, h.kept.Len())
	}
}
