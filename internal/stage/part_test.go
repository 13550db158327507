package stage

import (
	"bytes"
	"io/fs"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestPart: some entries of a tree, with the folders that they are in, go over
// as all would, and stand in a tar that depends on them alone.
func TestPart(t *testing.T) {
	d := newDir(t)
	for _, p := range []string{"a/one", "a/b/two", "a/b/three", "c/four"} {
		d.file(p, "is "+p)
	}
	tree := d.stage(Options{UID: 7, GID: 8})
	var places []int
	for i, e := range tree.Entries() {
		if e.Path == "a/b/two" || e.Path == "c/four" {
			places = append(places, i)
		}
	}
	all := []string{"a", "a/b", "a/b/two", "c", "c/four"}
	if diff := cmp.Diff(all, walked(t, tree.Part(places), "", func(string) error { return nil })); diff != "" {
		t.Error(diff)
	}
	dest := t.TempDir()
	mustTransfer(t, tree.Part(places), dest)
	want := map[string]string{
		"a": "drwxr-xr-x", "a/b": "drwxr-xr-x", "a/b/two": "-rw-r--r-- is a/b/two", "c": "drwxr-xr-x", "c/four": "-rw-r--r-- is c/four",
	}
	if diff := cmp.Diff(want, onDisk(t, dest)); diff != "" {
		t.Error(diff)
	}
	var tar bytes.Buffer
	d.check(tree.TarPart(t.Context(), &tar, places))
	if diff := cmp.Diff(want, d.untar(tar.Bytes())); diff != "" {
		t.Error(diff)
	}
	var other bytes.Buffer
	d.check(d.stage(Options{UID: 1}).TarPart(t.Context(), &other, places))
	if !bytes.Equal(tar.Bytes(), other.Bytes()) {
		t.Error("another owner gives another tar")
	}
	if err := tree.Part(nil).Walk(t.Context(), "", func(p string, _ fs.DirEntry, _ error) error { t.Errorf("nothing holds %s", p); return nil }); err != nil {
		t.Error(err)
	}
}

func TestPatternsOfAPart(t *testing.T) {
	p, err := NewPatterns([]string{"packages/*", "!packages/ui", "*.json"})
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{"packages/web/src/a": true, "packages/ui/a": false, "x.json": true, "docs/x.json": false} {
		if got := p.Match(path); got != want {
			t.Errorf("%s: %t", path, got)
		}
	}
	if _, err := NewPatterns([]string{"["}); err == nil {
		t.Error("[ is a pattern")
	}
}
