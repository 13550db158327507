package gitmeta

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sandwright/sandwright/internal/git"
)

func TestSubmodules(t *testing.T) {
	inner, middle := checkout(t), checkout(t)
	gitIn(t, middle, "submodule", "--quiet", "add", inner, "in ner")
	gitIn(t, middle, "commit", "-qm", "with inner")
	dir := checkout(t)
	gitIn(t, dir, "submodule", "--quiet", "add", middle, "libs/middle")
	gitIn(t, dir, "submodule", "--quiet", "add", inner, "absent")
	gitIn(t, dir, "commit", "-qm", "with submodules")
	gitIn(t, dir, "submodule", "--quiet", "update", "--init", "--recursive", "libs/middle")
	gitIn(t, dir, "submodule", "--quiet", "deinit", "-f", "absent")
	files(t, dir, map[string]string{"libs/middle/in ner/a.txt": "changed\n"})
	for name, at := range map[string]func() string{
		"checkout": func() string { return dir },
		"worktree": func() string {
			to := filepath.Join(realTemp(t), "worktree")
			gitIn(t, dir, "worktree", "add", "-q", "--detach", to)
			gitIn(t, to, "submodule", "--quiet", "update", "--init", "--recursive", "libs/middle")
			files(t, to, map[string]string{"libs/middle/in ner/a.txt": "changed\n"})
			return to
		},
	} {
		t.Run(name, func(t *testing.T) {
			from := at()
			staged := workspace(t, from)
			o := options(t, from, staged)
			box := build(t, o, staged)
			must(t, os.MkdirAll(filepath.Join(box, "absent"), 0o755))
			equal(t, "status", gitIn(t, box, "status", "--short"), " m libs/middle\n")
			equal(t, "middle", gitIn(t, box, "-C", "libs/middle", "status", "--short"), " m \"in ner\"\n")
			equal(t, "inner", gitIn(t, box, "-C", "libs/middle/in ner", "status", "--porcelain"), " M a.txt\n")
			gitIn(t, box, "-C", "libs/middle/in ner", "commit", "-qam", "work")
			gitIn(t, box, "-C", "libs/middle", "commit", "-qam", "work")
			gitIn(t, box, "commit", "-qam", "work")
			clean(t, box)
			clean(t, filepath.Join(box, "libs/middle/in ner"))
			equal(t, "folder", gitIn(t, box, "-C", "libs/middle/in ner", "rev-parse", "--git-dir"),
				filepath.Join(box, ".git/modules/libs/middle/modules/in ner")+"\n")
		})
	}
	// A submodule that is staged by itself.
	sub := filepath.Join(dir, "libs/middle/in ner")
	staged := workspace(t, sub)
	equal(t, "alone", gitIn(t, build(t, options(t, sub, staged), staged), "status", "--porcelain"), " M a.txt\n")
}

// Of a folder of a repository the box gets a commit of that folder.
func TestFolderOfARepository(t *testing.T) {
	top := checkout(t)
	dir := filepath.Join(top, "apps")
	staged := workspace(t, dir)
	box := build(t, options(t, dir, staged), staged)
	clean(t, box)
	equal(t, "tree", gitIn(t, box, "rev-parse", "HEAD^{tree}"), gitIn(t, top, "rev-parse", "HEAD:apps"))
	equal(t, "log", gitIn(t, box, "log", "--format=%s %an %ad", "--date=raw"), "two a 1700000000 +0100\n")
	equal(t, "files", gitIn(t, box, "ls-files"), "api/main.js\nweb/lib/deep/x.js\nweb/main.js\n")
	o := options(t, dir, staged)
	o.Mode = Full
	if m := metadata(t, o); len(m.Notices) != 1 || !strings.Contains(m.Notices[0], "only a part of the repository") {
		t.Errorf("notices are %q", m.Notices)
	}
	files(t, top, map[string]string{"fresh/a": "a"})
	fresh := filepath.Join(top, "fresh")
	staged = workspace(t, fresh)
	equal(t, "status", gitIn(t, build(t, options(t, fresh, staged), staged), "status", "--porcelain"), "?? a\n")
}

// What is left out on purpose is no deletion, and stays in what is committed.
func TestLeftOut(t *testing.T) {
	dir := checkout(t)
	staged := workspace(t, dir, "apps/web", "empty")
	must(t, os.Remove(filepath.Join(dir, "empty")))
	box := build(t, options(t, dir, staged), staged)
	equal(t, "status", gitIn(t, box, "status", "--porcelain"), " D empty\n")
	gitIn(t, box, "commit", "-qam", "work")
	equal(t, "files", gitIn(t, box, "ls-tree", "-r", "--name-only", "HEAD", "apps"), "apps/api/main.js\napps/web/lib/deep/x.js\napps/web/main.js\n")
	clean(t, box)
}

func TestSparseCheckout(t *testing.T) {
	dir := checkout(t)
	gitIn(t, dir, "sparse-checkout", "set", "--cone", "--sparse-index", "apps/api")
	staged := workspace(t, dir)
	if len(staged) != 8 {
		t.Fatalf("%d files are checked out", len(staged))
	}
	clean(t, build(t, options(t, dir, staged), staged))
}

// However git keeps the mark of a file that is not expected, it is found; an
// index without one is not read.
func TestIndexFormats(t *testing.T) {
	for name, c := range map[string]struct {
		prepare [][]string
		plain   bool
	}{
		"no mark":         {nil, true},
		"version 4":       {[][]string{{"update-index", "--index-version", "4"}}, false},
		"marked":          {[][]string{{"update-index", "--skip-worktree", "a.txt"}}, false},
		"marked, version": {[][]string{{"update-index", "--index-version", "4"}, {"update-index", "--skip-worktree", "a.txt"}}, false},
		"marked, split":   {[][]string{{"update-index", "--skip-worktree", "a.txt"}, {"update-index", "--split-index"}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := checkout(t)
			for _, args := range c.prepare {
				gitIn(t, dir, args...)
			}
			if plainIndex(filepath.Join(dir, ".git")) != c.plain {
				t.Errorf("plain is %v", !c.plain)
			}
			repo, err := git.Find(dir)
			must(t, err)
			sparse, err := readSparse(t.Context(), repo)
			must(t, err)
			if marked := strings.HasPrefix(name, "marked"); sparse["a.txt"] != marked || len(sparse) > 1 {
				t.Errorf("marked are %v", sparse)
			}
		})
	}
}

func TestPartialClone(t *testing.T) {
	origin := checkout(t)
	gitIn(t, origin, "config", "uploadpack.allowfilter", "true")
	dir := filepath.Join(realTemp(t), "partial")
	gitIn(t, "/", "clone", "-q", "--filter=blob:none", "--sparse", "file://"+origin, dir)
	staged := workspace(t, dir)
	for _, mode := range []string{Head, Full} {
		o := options(t, dir, staged)
		o.Mode = mode
		m := metadata(t, o)
		if len(m.Notices) != 1 || !strings.Contains(m.Notices[0], "partial") {
			t.Errorf("notices are %q", m.Notices)
		}
		box := build(t, o, staged)
		clean(t, box)
		files(t, box, map[string]string{"a.txt": "z\n"})
		gitIn(t, box, "commit", "-qam", "work")
		equal(t, "status", gitIn(t, box, "status", "--porcelain"), "")
	}
}

// Contents that git makes other ones of on the way to the working tree.
func TestConvertedContents(t *testing.T) {
	dir := checkout(t)
	big := strings.Repeat("large\n", 1000)
	sum := sha256.Sum256([]byte(big))
	pointer := fmt.Sprintf("version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize %d\n", hex.EncodeToString(sum[:]), len(big))
	files(t, dir, map[string]string{
		".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n*.bat text eol=crlf\n",
		"large.bin":      pointer, "pointer.bin": pointer, "run.bat": "echo\r\n",
	})
	gitIn(t, dir, "add", ".")
	gitIn(t, dir, "commit", "-qm", "converted")
	files(t, dir, map[string]string{"large.bin": big}) // as Git LFS checks it out
	staged := workspace(t, dir)
	box := build(t, options(t, dir, staged), staged)
	equal(t, "what is read", gitIn(t, box, "diff-files", "--name-only"), "run.bat\n")
	equal(t, "status", gitIn(t, box, "status", "--porcelain"), "")
	clean(t, box)
	files(t, dir, map[string]string{"large.bin": "other\n"})
	staged = workspace(t, dir)
	equal(t, "status", gitIn(t, build(t, options(t, dir, staged), staged), "status", "--porcelain"), " M large.bin\n")
}

func TestHistory(t *testing.T) {
	dir := checkout(t)
	gitIn(t, dir, "tag", "-m", "first", "v1", "HEAD~1")
	gitIn(t, dir, "tag", "light", "HEAD")
	gitIn(t, dir, "checkout", "-q", "-b", "other", "HEAD~1")
	gitIn(t, dir, "commit", "-q", "--allow-empty", "-m", "elsewhere")
	gitIn(t, dir, "tag", "elsewhere")
	gitIn(t, dir, "checkout", "-q", "-b", "feature/x", "trunk")
	staged := workspace(t, dir)
	o := options(t, dir, staged)
	o.Mode = Full
	box := build(t, o, staged)
	clean(t, box)
	equal(t, "log", gitIn(t, box, "log", "--format=%s"), "two\none\n")
	equal(t, "branch", gitIn(t, box, "branch", "--show-current"), "feature/x\n")
	equal(t, "tags", gitIn(t, box, "tag"), "light\nv1\n")
	equal(t, "description", gitIn(t, box, "describe"), gitIn(t, dir, "describe"))
	equal(t, "blame", gitIn(t, box, "blame", "-s", "a.txt"), gitIn(t, dir, "blame", "-s", "a.txt"))
	if out := gitIn(t, box, "log", "--all", "--format=%s"); strings.Contains(out, "elsewhere") {
		t.Errorf("a commit that is no part of HEAD is there:\n%s", out)
	}
	// The next commit, and a detached one.
	files(t, dir, map[string]string{"a.txt": "three\n"})
	gitIn(t, dir, "commit", "-qam", "three")
	gitIn(t, dir, "checkout", "-q", "--detach")
	staged = workspace(t, dir)
	next := options(t, dir, staged)
	next.Mode, next.Store = Full, o.Store
	box = build(t, next, staged)
	clean(t, box)
	equal(t, "log", gitIn(t, box, "log", "--format=%s"), "three\ntwo\none\n")
}

func TestHistoryOfAShallowClone(t *testing.T) {
	origin := checkout(t)
	gitIn(t, origin, "commit", "-q", "--allow-empty", "-m", "three")
	dir := filepath.Join(realTemp(t), "shallow")
	gitIn(t, "/", "clone", "-q", "--depth=2", "file://"+origin, dir)
	staged := workspace(t, dir)
	o := options(t, dir, staged)
	o.Mode = Full
	box := build(t, o, staged)
	clean(t, box)
	equal(t, "log", gitIn(t, box, "log", "--format=%s"), "three\ntwo\n")
}

// Old commits hold modes that git does not write any more.
func TestOldModes(t *testing.T) {
	dir := checkout(t)
	blob := strings.TrimSpace(gitIn(t, dir, "rev-parse", "HEAD:a.txt"))
	raw, err := hex.DecodeString(blob)
	must(t, err)
	tree := "100664 a.txt\x00" + string(raw) + "100775 run.sh\x00" + string(raw)
	files(t, dir, map[string]string{"tree": tree})
	id := strings.TrimSpace(gitIn(t, dir, "hash-object", "-t", "tree", "-w", "--literally", "tree"))
	commit := strings.TrimSpace(gitIn(t, dir, "commit-tree", "-m", "old", id))
	gitIn(t, dir, "reset", "-q", "--hard", commit)
	must(t, os.Remove(filepath.Join(dir, "tree")))
	staged := workspace(t, dir)
	box := build(t, options(t, dir, staged), staged)
	equal(t, "status", gitIn(t, box, "status", "--porcelain"), "")
	equal(t, "modes", gitIn(t, box, "ls-files", "--format=%(objectmode)"), "100644\n100755\n")
}

// Git says where a repository's folders are in lines; a folder's name may be two.
func TestFolderOfTwoLines(t *testing.T) {
	plain := checkout(t)
	dir := filepath.Join(filepath.Dir(plain), "two\nlines")
	want, err := Make(t.Context(), options(t, plain, workspace(t, plain)))
	must(t, err)
	must(t, os.Rename(plain, dir))
	got, err := Make(t.Context(), options(t, dir, workspace(t, dir)))
	must(t, err)
	if len(got.Files) == 0 || got.Digest() != want.Digest() {
		t.Errorf("%d files: %s, not %s", len(got.Files), got.Digest(), want.Digest())
	}
}
