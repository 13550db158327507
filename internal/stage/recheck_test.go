package stage

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"
)

var errFound = errors.New("it holds a secret")

// judgedTree is a tree that was judged, and then refuses a file with a secret
// in it.
func judgedTree(d *dir) *Tree {
	d.t.Helper()
	tree := d.stage(Options{})
	_, err := tree.Contents(d.t.Context())
	d.check(err)
	tree.Recheck(func(p string, contents io.Reader) error {
		data, err := io.ReadAll(contents)
		if err == nil && bytes.Contains(data, []byte(secret)) {
			err = errFound
		}
		return err
	})
	return tree
}

// What changes after the tree was judged is judged again before any of it is
// handed on.
func TestChangesAreJudged(t *testing.T) {
	for name, size := range map[string]int{"small": 0, "large": 3 << 20} {
		t.Run(name, func(t *testing.T) {
			d := checkout(t)
			filler := strings.Repeat("x", size)
			d.file("f", filler+strings.Repeat("-", len(secret)))
			d.file("g", "stays")
			tree := judgedTree(d)
			d.file("f", filler+secret)
			var out bytes.Buffer
			if err := tree.Tar(t.Context(), &out); !errors.Is(err, errFound) || bytes.Contains(out.Bytes(), []byte(secret)) {
				t.Errorf("tar: %v", err)
			}
			d.file("f", filler+"harmless")
			out.Reset()
			if err := tree.Tar(t.Context(), &out); err != nil || !bytes.Contains(out.Bytes(), []byte("harmless")) {
				t.Errorf("tar of what is harmless: %v", err)
			}
		})
	}
}

// An edit that leaves no trace, since it comes in the same tick of the clock,
// is judged, too.
func TestHiddenChangesAreJudged(t *testing.T) {
	d := checkout(t)
	harmless := strings.Repeat("-", len(secret))
	d.file("f", harmless)
	hidden := 0
	for range 15 {
		d.file("f", harmless)
		tree := judgedTree(d)
		before := tree.entries[0].id
		d.file("f", secret)
		if e, err := tree.again(0); err == nil && e.id.same(before) {
			hidden++
		}
		tree.fresh.Clear()
		if rc, err := tree.FS().Open("f"); err == nil {
			if data, err := io.ReadAll(rc); err == nil || len(data) > 0 {
				t.Errorf("a transfer read %q, %v", data, err)
			}
			rc.Close()
		}
		if err := tree.Tar(t.Context(), io.Discard); !errors.Is(err, errFound) {
			t.Fatalf("tar: %v", err)
		}
	}
	t.Logf("%d of 15 edits left no trace", hidden)
}

// Files that did not change are not read a second time.
func TestRecheckReadsWhatChanged(t *testing.T) {
	d := sample(t)
	time.Sleep(2 * racyWindow)
	tree := judgedTree(d)
	looked := 0
	tree.judged.Load().look = func(_ string, contents io.Reader) error {
		looked++
		_, err := io.Copy(io.Discard, contents)
		return err
	}
	d.check(tree.Tar(t.Context(), io.Discard))
	if looked != 0 {
		t.Errorf("%d files were looked into again", looked)
	}
	d.file("a-b", "changed")
	for range 2 {
		d.check(tree.Tar(t.Context(), io.Discard))
	}
	if looked != 1 {
		t.Errorf("the changed file was looked into %d times", looked)
	}
	d.remove("a-b")
	if err := tree.Tar(t.Context(), io.Discard); !errors.Is(err, ErrChanged) || !strings.Contains(err.Error(), "a-b") {
		t.Errorf("a file that is gone: %v", err)
	}
}
