package handover

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// grow makes what a text says in a folder, one a line: PATH/ a folder, PATH ->
// TARGET a link, PATH = TEXT a file.
func grow(t *testing.T, root, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		name, content, isFile := strings.Cut(line, " = ")
		name, target, isLink := strings.Cut(name, " -> ")
		path := filepath.Join(root, name)
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		switch {
		case isLink:
			must(t, os.Symlink(target, path))
		case isFile:
			must(t, os.WriteFile(path, []byte(content), 0o644))
		case line != "":
			must(t, os.MkdirAll(path, 0o755))
		}
	}
}

// grown says what is in a folder as grow reads it; folders that hold something
// are left out.
func grown(t *testing.T, root string) string {
	t.Helper()
	var out strings.Builder
	must(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		name, _ := filepath.Rel(root, path)
		switch {
		case err != nil || path == root:
		case d.IsDir():
			if list, _ := os.ReadDir(path); len(list) == 0 {
				fmt.Fprintf(&out, "%s/\n", name)
			}
		case d.Type() == fs.ModeSymlink:
			target, _ := os.Readlink(path)
			fmt.Fprintf(&out, "%s -> %s\n", name, target)
		default:
			data, _ := os.ReadFile(path)
			fmt.Fprintf(&out, "%s = %s\n", name, data)
		}
		return err
	}))
	return out.String()
}

// TestKinds: a path may become another kind of thing: what it was goes, unless
// the box has changed it or put something of its own there.
func TestKinds(t *testing.T) {
	outside := t.TempDir()
	grow(t, outside, "kept = outside")
	removeLink := func(path, target string) Item { i := link(path, target); i.Remove, i.Was = true, i.Sum; return i }
	toFolder := []Item{remove("a", "old"), put("a/b/c", "new", "")}
	linkToFolder := []Item{removeLink("a", outside), put("a/kept", "new", "")}
	toFile := []Item{put("a", "new", ""), remove("a/b", "b"), remove("a/c/d", "d")}
	toLink := []Item{link("a", "x"), remove("a/b", "b")}
	for name, tt := range map[string]struct {
		box     string
		items   []Item
		want    string
		clashes []Clash // without force
		forced  string  // where there are clashes
	}{
		"a file becomes a folder":           {"a = old", toFolder, "a/b/c = new\n", nil, ""},
		"one that the box has changed":      {"a = agent", toFolder, "a = agent\n", []Clash{{"a", "it was changed in the box"}}, "a/b/c = new\n"},
		"one that is a folder there too":    {"a/b/", toFolder, "a/b/\n", []Clash{{"a", "it was changed in the box"}}, "a/b/c = new\n"},
		"one with the agent's files":        {"a/x = agent", toFolder, "a/x = agent\n", []Clash{{"a", "it was changed in the box"}}, "a/b/c = new\n"},
		"a file that is gone":               {"", toFolder, "a/b/c = new\n", nil, ""},
		"a link becomes a folder":           {"a -> " + outside, linkToFolder, "a/kept = new\n", nil, ""},
		"a link elsewhere in the box":       {"a -> /etc", linkToFolder, "a -> /etc\n", []Clash{{"a", "it was changed in the box"}}, "a/kept = new\n"},
		"a folder becomes a file":           {"a/b = b\na/c/d = d\na/e/f/", toFile, "a = new\n", nil, ""},
		"a folder of empty ones":            {"a/c/", toFile, "a = new\n", nil, ""},
		"one with an edited file":           {"a/b = agent\na/c/d = d", toFile, "a/b = agent\na/c/d = d\n", []Clash{{"a/b", "it was changed in the box"}}, "a = new\n"},
		"one with a file of the box":        {"a/b = b\na/c/made = agent", toFile, "a/b = b\na/c/made = agent\n", []Clash{{"a/c/made", "it was made in the box"}}, "a = new\n"},
		"one with a link of the box":        {"a/b = b\na/out -> " + outside, toFile, "a/b = b\na/out -> " + outside + "\n", []Clash{{"a/out", "it was made in the box"}}, "a = new\n"},
		"a folder that the box replaced":    {"a = agent", toFile, "a = agent\n", []Clash{{"a", "it was made in the box"}}, "a = new\n"},
		"a folder becomes a link":           {"a/b = b", toLink, "a -> x\n", nil, ""},
		"a link becomes a file":             {"a -> x", []Item{{Path: "a", Mode: 0o644, Size: 3, Sum: sum("new"), Was: link("a", "x").Sum}}, "a = new\n", nil, ""},
		"what was below a file is gone":     {"a = agent", []Item{remove("a/b", "b")}, "a = agent\n", nil, ""},
		"a file that is a folder, and goes": {"a/x = agent", []Item{remove("a", "old")}, "a/x = agent\n", []Clash{{"a", "it was changed in the box"}}, ""},
	} {
		for _, force := range []bool{false, true} {
			root := t.TempDir()
			grow(t, root, tt.box)
			texts := map[string]string{}
			for _, item := range tt.items {
				texts[item.Path] = "new"
			}
			report, err := give(t, root, force, texts, tt.items...)
			must(t, err)
			want, clashes := tt.want, tt.clashes
			if force && clashes != nil {
				want, clashes = tt.forced, nil
			}
			if diff := cmp.Diff(want, grown(t, root)); diff != "" {
				t.Errorf("%s, force %v (-want +got):\n%s", name, force, diff)
			}
			if diff := cmp.Diff(clashes, report.Clashes); diff != "" {
				t.Errorf("%s, force %v (-want +got):\n%s", name, force, diff)
			}
		}
	}
	if got := grown(t, outside); got != "kept = outside\n" {
		t.Errorf("outside is %q", got)
	}
}

// TestCutAtAnyByte: as long as not all has come, nothing is changed.
func TestCutAtAnyByte(t *testing.T) {
	items := []Item{put("a/b", "new", ""), remove("gone", "gone"), put("old", "newer", "old"), link("z", "a/b")}
	var whole strings.Builder
	root := t.TempDir()
	const before = "gone = gone\nold = old\n"
	grow(t, root, before)
	must(t, Send(&whole, Offer{Root: root, Items: items}, func(i int) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(map[int]string{0: "new", 2: "newer"}[i])), nil
	}))
	for n := range whole.Len() {
		if _, err := Take(strings.NewReader(whole.String()[:n]), io.Discard); err == nil {
			t.Fatalf("%d of %d bytes are taken", n, whole.Len())
		}
		if got := grown(t, root); got != before {
			t.Fatalf("after %d of %d bytes there is %q", n, whole.Len(), got)
		}
	}
	// What a killed one left is in nobody's way.
	grow(t, root, ".sandwright-receive/0 = half\n.sandwright-receive/x/y = z")
	_, err := Take(strings.NewReader(whole.String()), io.Discard)
	must(t, err)
	if got := grown(t, root); got != "a/b = new\nold = newer\nz -> a/b\n" {
		t.Errorf("there is %q", got)
	}
}

// TestTooDeep: a folder without end in the box is no way to hold a sync up.
func TestTooDeep(t *testing.T) {
	root := t.TempDir()
	grow(t, root, "a"+strings.Repeat("/d", maxDepth+10)+"/f = x")
	report, err := give(t, root, false, nil, link("a", "x"))
	must(t, err)
	if len(report.Clashes) != 1 || report.Clashes[0].Reason != "it is too deep" {
		t.Errorf("%+v", report)
	}
}
