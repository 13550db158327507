package handover

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sandwright/sandwright/internal/receipt"
)

func sum(text string) string {
	s := receipt.NewSummer(int64(len(text)))
	io.WriteString(s, text)
	return hex.EncodeToString([]byte(s.Sum()))
}

func put(path, text, was string) Item {
	i := Item{Path: path, Mode: 0o644, Size: int64(len(text)), Sum: sum(text)}
	if was != "" {
		i.Was = sum(was)
	}
	return i
}

func remove(path, was string) Item { return Item{Path: path, Remove: true, Was: sum(was)} }

func link(path, target string) Item {
	return Item{Path: path, Mode: 0o777, Link: true, Target: target, Sum: receipt.SumOf([]byte(target))}
}

// give sends an offer whose contents are texts, by path, to a folder.
func give(t *testing.T, root string, force bool, texts map[string]string, items ...Item) (Report, error) {
	t.Helper()
	var b bytes.Buffer
	err := Send(&b, Offer{Root: root, Force: force, Items: items}, func(i int) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(texts[items[i].Path])), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return Take(&b, io.Discard)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestTake(t *testing.T) {
	large := strings.Repeat("large ", 300_000)
	root := t.TempDir()
	must(t, os.WriteFile(filepath.Join(root, "old"), []byte("old"), 0o644))
	must(t, os.WriteFile(filepath.Join(root, "gone"), []byte("gone"), 0o644))
	must(t, os.WriteFile(filepath.Join(root, "there"), []byte("same"), 0o644))
	must(t, os.WriteFile(filepath.Join(root, "mode"), []byte("mode"), 0o644))
	texts := map[string]string{"a/b/new": "new", "old": large, "there": "same", "mode": "mode"}
	program := put("mode", "mode", "mode")
	program.Mode = 0o755
	report, err := give(t, root, false, texts,
		put("a/b/new", "new", ""), put("old", large, "old"), remove("gone", "gone"), remove("never", "x"),
		put("there", "same", "else"), program, link("a/link", "../there"), put("empty", "", ""))
	must(t, err)
	if diff := cmp.Diff(Report{Put: 5, Removed: 1, Same: 2}, report); diff != "" {
		t.Error(diff)
	}
	for name, want := range map[string]string{"a/b/new": "new", "old": large, "a/link": "same", "empty": ""} {
		if got, err := os.ReadFile(filepath.Join(root, name)); err != nil || string(got) != want {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
	if _, err := os.Lstat(filepath.Join(root, "gone")); !errors.Is(err, os.ErrNotExist) {
		t.Error("what is no more is there")
	}
	if info, err := os.Stat(filepath.Join(root, "mode")); err != nil || info.Mode() != 0o755 {
		t.Errorf("%v, %v", info, err)
	}
	left, err := filepath.Glob(filepath.Join(root, "*", ".sandwright-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("%v is left, %v", left, err)
	}
	// Once more, with what is there now: nothing is to be done.
	again, err := give(t, root, false, texts, put("a/b/new", "new", "new"), put("old", large, "old"), link("a/link", "../there"))
	must(t, err)
	if again.Same != 3 || again.Put != 0 {
		t.Errorf("%+v", again)
	}
}

// A file of other zeros at its end is another one.
func TestZerosAtTheEnd(t *testing.T) {
	file := filepath.Join(t.TempDir(), "disk")
	before, after := strings.Repeat("\x00", 2<<20), strings.Repeat("\x00", 3<<20)
	must(t, os.WriteFile(file, []byte(before), 0o644))
	report, err := give(t, filepath.Dir(file), false, map[string]string{"disk": after}, put("disk", after, before))
	if info, statErr := os.Stat(file); err != nil || statErr != nil || report.Put != 1 || info.Size() != 3<<20 {
		t.Errorf("%+v, %v, %v", report, err, info)
	}
	report, err = give(t, filepath.Dir(file), false, map[string]string{"disk": ""}, put("disk", "", before))
	if err != nil || len(report.Clashes) != 1 {
		t.Errorf("zeros that the box has written are written over: %+v, %v", report, err)
	}
}

// An agent writes on while files are taken: what it wrote after it was compared
// stays, unless all of it is to be overwritten.
func TestChangesMeanwhile(t *testing.T) {
	large := strings.Repeat("large ", 300_000)
	for name, last := range map[string]Item{
		"edited": put("f", "host", "before"), "removed": remove("f", "before"), "made": put("new", "host", ""), "linked": link("new", "x"),
	} {
		for _, force := range []bool{false, true} {
			root := t.TempDir()
			must(t, os.WriteFile(filepath.Join(root, "f"), []byte("before"), 0o644))
			var offer bytes.Buffer
			items := []Item{put("large", large, ""), last}
			must(t, Send(&offer, Offer{Root: root, Force: force, Items: items}, func(i int) (io.ReadCloser, error) {
				return io.NopCloser(strings.NewReader([]string{large, "host"}[i])), nil
			}))
			head := bytes.NewReader(offer.Next(1 << 20))
			meanwhile := readerFunc(func([]byte) (int, error) {
				must(t, os.WriteFile(filepath.Join(root, last.Path), []byte("agent's"), 0o644))
				return 0, io.EOF
			})
			_, err := Take(io.MultiReader(head, meanwhile, &offer), io.Discard)
			got, _ := os.ReadFile(filepath.Join(root, last.Path))
			if kept := string(got) == "agent's"; kept == force || (err == nil) != force {
				t.Errorf("%s, force %v: %q is there, %v", name, force, got, err)
			}
			if left, _ := filepath.Glob(filepath.Join(root, ".sandwright-*")); len(left) > 0 {
				t.Errorf("%s: %v is left", name, left)
			}
		}
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

// What was changed in the box stays, and with it all the rest.
func TestClashes(t *testing.T) {
	root := t.TempDir()
	outside := t.TempDir()
	for name, text := range map[string]string{"edited": "agent", "made": "agent", "fine": "fine", "blocked": "agent", "large": strings.Repeat("y", 2<<20)} {
		must(t, os.WriteFile(filepath.Join(root, name), []byte(text), 0o644))
	}
	must(t, os.Symlink(outside, filepath.Join(root, "out")))
	must(t, os.Symlink("edited", filepath.Join(root, "swapped")))
	items := []Item{
		put("fine", "better", "fine"), put("edited", "host", "before"), put("made", "host", ""), put("lost", "host", "before"),
		put("large", strings.Repeat("z", 2<<20), strings.Repeat("x", 2<<20)), remove("edited2", "x"), put("swapped", "host", "before"),
		put("out/file", "host", ""), put("blocked/below", "host", ""),
	}
	texts := map[string]string{}
	for _, i := range items {
		texts[i.Path] = strings.Repeat("z", int(i.Size))
	}
	texts["fine"] = "better"
	report, err := give(t, root, false, texts, items...)
	must(t, err)
	want := []Clash{
		{"edited", "it was changed in the box"}, {"made", "it was made in the box"}, {"lost", "it was removed in the box"},
		{"large", "it was changed in the box"}, {"swapped", "it was changed in the box"},
		{"out/file", "what it is in is no folder in the box"}, {"blocked/below", "what it is in is no folder in the box"},
	}
	if diff := cmp.Diff(Report{Clashes: want}, report); diff != "" {
		t.Error(diff)
	}
	if got, err := os.ReadFile(filepath.Join(root, "fine")); err != nil || string(got) != "fine" {
		t.Errorf("something was written: %q, %v", got, err)
	}
	// Force overwrites what was changed, and follows no link all the same.
	report, err = give(t, root, true, texts, items...)
	must(t, err)
	if diff := cmp.Diff(Report{Put: 8, Same: 1}, report); diff != "" {
		t.Error(diff)
	}
	for _, item := range items {
		if info, err := os.Lstat(filepath.Join(root, item.Path)); !item.Remove && (err != nil || !info.Mode().IsRegular() || info.Size() != item.Size) {
			t.Errorf("%s: %v, %v", item.Path, info, err)
		}
	}
	if list, err := os.ReadDir(outside); err != nil || len(list) > 0 {
		t.Errorf("outside is %v, %v", list, err)
	}
}

func TestUnusableOffers(t *testing.T) {
	root := t.TempDir()
	for name, text := range map[string]string{
		"nothing":          "",
		"no end":           `{"root":"/","items":[]}`,
		"no JSON":          "hello\n",
		"no folder":        `{"root":"/nowhere/at/all","items":[]}` + "\n",
		"leads out":        `{"root":"` + root + `","items":[{"path":"../x"}]}` + "\n",
		"absolute":         `{"root":"` + root + `","items":[{"path":"/x"}]}` + "\n",
		"the root itself":  `{"root":"` + root + `","items":[{"path":"."}]}` + "\n",
		"twice":            `{"root":"` + root + `","items":[{"path":"x"},{"path":"x"}]}` + "\n",
		"a negative size":  `{"root":"` + root + `","items":[{"path":"x","size":-1}]}` + "\n",
		"below a file":     `{"root":"` + root + `","items":[{"path":"x","sum":"` + sum("") + `"},{"path":"x/y/z","sum":"` + sum("") + `"}]}` + "\n",
		"setuid":           `{"root":"` + root + `","items":[{"path":"x","mode":2541}]}` + "\n",
		"contents are cut": `{"root":"` + root + `","items":[{"path":"x","size":9,"sum":"` + sum("x") + `"}]}` + "\nshort",
		"no sum":           `{"root":"` + root + `","items":[{"path":"x","size":1}]}` + "\nx",
	} {
		if _, err := Take(strings.NewReader(text), io.Discard); err == nil {
			t.Errorf("%s: it is taken", name)
		}
	}
	if list, err := os.ReadDir(root); err != nil || len(list) > 0 {
		t.Errorf("something is left: %v, %v", list, err)
	}
}

func TestSendOfAnotherSize(t *testing.T) {
	err := Send(io.Discard, Offer{Items: []Item{put("x", "four", "")}}, func(int) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader("three")), nil
	})
	if err == nil || !strings.Contains(err.Error(), "has 5 bytes, not 4") {
		t.Errorf("got %v", err)
	}
}

// FuzzTake gives the box any bytes: all that is written stands below the root.
func FuzzTake(f *testing.F) {
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Count(text, `"root"`) != 1 || !strings.Contains(text, `{"root":"ROOT"`) || strings.Contains(strings.ToLower(text), `\u`) {
			return
		}
		top := t.TempDir()
		root := filepath.Join(top, "root")
		must(t, os.Mkdir(root, 0o755))
		must(t, os.Mkdir(filepath.Join(top, "outside"), 0o755))
		must(t, os.Symlink("../outside", filepath.Join(root, "out")))
		if strings.Count(strings.ToLower(text), "root") != 2 { // keys are read in any case
			return
		}
		_, _ = Take(bufio.NewReader(strings.NewReader(strings.Replace(text, "ROOT", root, 1))), io.Discard)
		if list, err := os.ReadDir(filepath.Join(top, "outside")); err != nil || len(list) > 0 {
			t.Errorf("outside is %v, %v", list, err)
		}
		if list, err := os.ReadDir(top); err != nil || len(list) != 2 {
			t.Errorf("beside the root is %v, %v", list, err)
		}
	})
}
