package gitmeta

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A checkout can come from anybody. Its repository must not bring another one's
// contents into the box.
func TestRepositoriesThatLeadOut(t *testing.T) {
	victim := checkout(t)
	files(t, victim, map[string]string{"private.txt": "PRIVATE\n"})
	gitIn(t, victim, "add", ".")
	gitIn(t, victim, "commit", "-qm", "private")
	for name, c := range map[string]struct {
		hostile func(dir string)
		why     string
	}{
		"a .git file that names another repository": {func(dir string) {
			must(t, os.RemoveAll(filepath.Join(dir, ".git")))
			files(t, dir, map[string]string{".git": "gitdir: " + victim + "/.git\n"})
		}, "does not know of it"},
		"a .git that is a link": {func(dir string) {
			files(t, dir, map[string]string{".git": "-> " + victim + "/.git"})
		}, "does not know of it"},
		"a folder for working trees of another": {func(dir string) {
			files(t, dir, map[string]string{".git/commondir": victim + "/.git\n"})
		}, "leads through a link"},
		"objects of another": {func(dir string) {
			files(t, dir, map[string]string{".git/objects/info/alternates": victim + "/.git/objects\n"})
		}, "objects/info/alternates"},
		"a link to another's objects": {func(dir string) {
			files(t, dir, map[string]string{".git/objects": "-> " + victim + "/.git/objects"})
		}, ".git/objects is no file of its own"},
		"a link to another's pack": {func(dir string) {
			files(t, dir, map[string]string{".git/objects/pack/pack-1.pack": "-> " + victim + "/.git/objects/pack/pack-1.pack"})
		}, "is no file of its own"},
		"a link to another's commit": {func(dir string) {
			files(t, dir, map[string]string{".git/refs/heads/trunk": "-> " + victim + "/.git/refs/heads/trunk"})
		}, ".git/refs/heads/trunk is no file of its own"},
		"a link to a file of patterns": {func(dir string) {
			files(t, dir, map[string]string{".git/info/exclude": "-> /etc/passwd"})
		}, ".git/info/exclude is no file of its own"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := checkout(t)
			c.hostile(dir)
			m, err := Make(t.Context(), options(t, dir, workspace(t, dir)))
			if err == nil || !strings.Contains(err.Error(), c.why) {
				t.Errorf("%v", err)
			}
			if len(m.Files) > 0 {
				t.Errorf("it gave %d files", len(m.Files))
			}
		})
	}
}

// A tree that git would not make is refused, whole.
func TestHostileTrees(t *testing.T) {
	for _, name := range []string{".git", ".GIT", "..", "."} {
		dir := checkout(t)
		raw, err := hex.DecodeString(strings.TrimSpace(gitIn(t, dir, "rev-parse", "HEAD:a.txt")))
		must(t, err)
		files(t, dir, map[string]string{"tree": "100644 " + name + "\x00" + string(raw)})
		id := strings.TrimSpace(gitIn(t, dir, "hash-object", "-t", "tree", "-w", "--literally", "tree"))
		gitIn(t, dir, "update-ref", "HEAD", strings.TrimSpace(gitIn(t, dir, "commit-tree", "-m", "bad", id)))
		if _, err := Make(t.Context(), options(t, dir, nil)); err == nil || !strings.Contains(err.Error(), "not a path that git would make") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Replacement objects and broken ones.
func TestObjectsAreWhatTheyAreCalled(t *testing.T) {
	dir := checkout(t)
	staged := workspace(t, dir)
	gitIn(t, dir, "replace", gitIn(t, dir, "rev-parse", "HEAD")[:40], gitIn(t, dir, "rev-parse", "HEAD~1")[:40])
	clean(t, build(t, options(t, dir, staged), staged))
	must(t, os.WriteFile(filepath.Join(dir, ".git/HEAD"), []byte("garbage\n"), 0o644))
	if _, err := Make(t.Context(), options(t, dir, staged)); err == nil || !strings.Contains(err.Error(), "git says") {
		t.Errorf("%v", err)
	}
}

func FuzzNode(f *testing.F) {
	f.Add([]byte("100644 blob 0123456789012345678901234567890123456789\ta/b"))
	f.Add([]byte("040000 tree 0123456789012345678901234567890123456789\t../x"))
	f.Add([]byte("x y z\t"))
	f.Fuzz(func(t *testing.T, rec []byte) {
		n, err := format("sha1").node(rec)
		if err == nil && (strings.HasPrefix(n.path, "/") || strings.Contains("/"+n.path+"/", "/../") || len(n.id) != 20) {
			t.Errorf("%q gave %+v", rec, n)
		}
	})
}

func FuzzFacts(f *testing.F) {
	good := encodeFacts([]fact{{id: strings.Repeat("i", 20), at: 1, length: 2, crc: 3, size: 4, sum: strings.Repeat("s", 32)}})
	f.Add(good)
	f.Add(good[:40])
	f.Fuzz(func(t *testing.T, b []byte) {
		if facts, err := decodeFacts("sha1", b); err == nil && string(encodeFacts(facts)) != string(b) {
			t.Error("what was read is not what was written")
		}
	})
}
