package installed

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sandwright/sandwright/internal/spec"
)

const emptySum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

func TestEncode(t *testing.T) {
	l := List{
		{Kind: Link, Path: "usr/local/bin/x", Target: "../../../opt/x y"},
		{Kind: File, Path: "opt/x y", Exec: true, SHA256: emptySum},
		{Kind: Dir, Path: "opt"},
	}
	want := "sandwright list 1\nd\topt\nf\t755\t0\t" + emptySum + "\topt/x y\nl\t../../../opt/x y\tusr/local/bin/x\n"
	if diff := cmp.Diff(want, string(l.Encode())); diff != "" {
		t.Error(diff)
	}
	if got := Tree(nil); got != emptySum {
		t.Errorf("the hash of nothing is %s", got)
	}
	back, err := Parse([]byte(want))
	slices.Reverse(l)
	if diff := cmp.Diff(l, back); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, body := range []string{
		"", "x\n", "d\n", "d\t/etc\n", "d\t../etc\n", "d\ta/../b\n", "d\ta", "d\tb\nd\ta\n", "d\ta\nd\ta\n", "l\t\ta\n", "l\ta\n",
		"f\t755\t0\tabc\ta\n", "f\t777\t0\t" + emptySum + "\ta\n", "f\t755\t-1\t" + emptySum + "\ta\n", "f\t755\t007\t" + emptySum + "\ta\n",
		"d\ta\rb\n", "d\t.\n", "d\ta/\n", "\n",
	} {
		if l, err := Parse([]byte(header + "\n" + body)); body != "" && err == nil {
			t.Errorf("%q is read as %v", body, l)
		}
		if _, err := Parse([]byte(body)); err == nil {
			t.Errorf("%q is read without its header", body)
		}
	}
}

// FuzzParse holds that what is read is written the same, and stays inside.
func FuzzParse(f *testing.F) {
	f.Add("d\topt\nf\t644\t5\t" + emptySum + "\topt/a\nl\ta\topt/b\n")
	f.Add("d\t../x\n")
	f.Add("f\t755\t9223372036854775807\t" + emptySum + "\tx\n")
	f.Fuzz(func(t *testing.T, body string) {
		data := header + "\n" + body
		l, err := Parse([]byte(data))
		if err != nil {
			return
		}
		if got := string(l.Encode()); got != data {
			t.Errorf("%q is written as %q", data, got)
		}
		for _, e := range l {
			if !filepath.IsLocal(e.Path) {
				t.Errorf("%q leaves", e.Path)
			}
		}
	})
}

// box installs one tool and gives the box's root and the tool as pinned.
func box(t *testing.T) (root string, tool spec.Tool) {
	t.Helper()
	root = t.TempDir()
	var l List
	dir := func(name string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Join(root, name), 0o755); err != nil {
			t.Fatal(err)
		}
		l = append(l, Entry{Kind: Dir, Path: name})
	}
	for _, name := range []string{"opt", "opt/sandwright", ToolsDir, ToolsDir + "/x", "usr", "usr/local", BinDir} {
		dir(name)
	}
	for i := range 30 {
		name := fmt.Sprintf("%s/x/f%02d", ToolsDir, i)
		if err := os.WriteFile(filepath.Join(root, name), []byte("hello"), 0o644); err != nil {
			t.Fatal(err)
		}
		l = append(l, Entry{Kind: File, Path: name, Size: 5, SHA256: "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"})
	}
	if err := os.Symlink("../../../opt/sandwright/tools/x/f00", filepath.Join(root, BinDir, "x")); err != nil {
		t.Fatal(err)
	}
	l = append(l, Entry{Kind: Link, Path: BinDir + "/x", Target: "../../../opt/sandwright/tools/x/f00"})
	data := l.Encode()
	if err := os.MkdirAll(filepath.Join(root, ListsDir), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, ListsDir, "x"), data, 0o644); err != nil {
		t.Fatal(err)
	}
	return root, spec.Tool{Name: "x", Tree: Tree(data)}
}

func TestVerify(t *testing.T) {
	root, tool := box(t)
	got := Verify(root, []spec.Tool{tool, tool})
	if len(got) != 2 || got[0].Faults != nil || got[0].Files != 38 || got[0].Bytes != 150 || got[1].Tool != "x" {
		t.Errorf("got %+v", got)
	}
}

func TestVerifyFinds(t *testing.T) {
	const f = "/opt/sandwright/tools/x/f07"
	for _, c := range []struct {
		name string
		harm func(root, file string) error
		want string
	}{
		{"contents", func(_, file string) error { return os.WriteFile(file, []byte("jello"), 0o644) },
			"cannot trust " + f + " of tool x: it has sha256 "},
		{"size", func(_, file string) error { return os.WriteFile(file, []byte("hello!"), 0o644) },
			f + " of tool x: it has 6 bytes, and sandwright.lock says 5"},
		{"mode", func(_, file string) error { return os.Chmod(file, 0o755|os.ModeSetuid) },
			f + " of tool x: its mode is urwxr-xr-x, and sandwright.lock says -rw-r--r--"},
		{"owner", func(_, file string) error { return os.Chown(file, 1000, 0) }, f + " of tool x: it belongs to user 1000, and not to root"},
		{"gone", func(_, file string) error { return os.Remove(file) }, f + " of tool x: no such file or directory"},
		{"a link in its place", func(_, file string) error {
			if err := os.Remove(file); err != nil {
				return err
			}
			return os.Symlink("f08", file)
		}, f + " of tool x: it is another kind of file"},
		{"another link", func(root, _ string) error {
			link := filepath.Join(root, BinDir, "x")
			if err := os.Remove(link); err != nil {
				return err
			}
			return os.Symlink("/bin/sh", link)
		}, `cannot trust /usr/local/bin/x of tool x: it links to "/bin/sh", and sandwright.lock says "../../../opt/sandwright/tools/x/f00"`},
		{"one more", func(_, file string) error { return os.WriteFile(file+".node", nil, 0o644) },
			"cannot trust " + f + ".node of tool x: it is not in sandwright.lock"},
		{"a folder more", func(root, _ string) error {
			return os.MkdirAll(filepath.Join(root, ToolsDir, "x/node_modules/evil"), 0o755)
		}, "cannot trust /opt/sandwright/tools/x/node_modules of tool x: it is not in sandwright.lock"},
		{"a folder above is a link", func(root, _ string) error {
			if err := os.Rename(filepath.Join(root, "opt"), filepath.Join(root, "home")); err != nil {
				return err
			}
			return os.Symlink("home", filepath.Join(root, "opt"))
		}, "cannot trust /opt of tool x: it is another kind of file"},
		{"the list", func(root, _ string) error {
			return os.WriteFile(filepath.Join(root, ListsDir, "x"), []byte(header+"\n"), 0o644)
		}, "cannot verify tool x: the list of its files has sha256 "},
		{"no list", func(root, _ string) error { return os.RemoveAll(filepath.Join(root, ListsDir)) },
			"cannot verify tool x: /opt/sandwright/lists/x: no such file or directory"},
		{"a folder as list", func(root, _ string) error {
			list := filepath.Join(root, ListsDir, "x")
			if err := os.Remove(list); err != nil {
				return err
			}
			return os.Mkdir(list, 0o755)
		}, "cannot verify tool x: /opt/sandwright/lists/x: it is no regular file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			root, tool := box(t)
			if err := c.harm(root, root+f); err != nil {
				t.Fatal(err)
			}
			faults := Verify(root, []spec.Tool{tool})[0].Faults
			if len(faults) != 1 || !strings.HasPrefix(faults[0].What, "cannot ") || !strings.Contains(faults[0].What, c.want) || faults[0].Hint == "" {
				t.Errorf("got  %v\nwant %s", faults, c.want)
			}
		})
	}
}

func TestVerifyTellsTwentyAndCountsTheRest(t *testing.T) {
	root, tool := box(t)
	for i := range 30 {
		if err := os.Remove(fmt.Sprintf("%s/%s/x/f%02d", root, ToolsDir, i)); err != nil {
			t.Fatal(err)
		}
	}
	faults := Verify(root, []spec.Tool{tool})[0].Faults
	if len(faults) != 21 || faults[20].What != "cannot trust tool x: 10 more of its files differ" {
		t.Errorf("got %v", faults)
	}
}

// TestAListThatTheLockPinsButThatIsDamaged: a hash says nothing of sense.
func TestAListThatTheLockPinsButThatIsDamaged(t *testing.T) {
	root, tool := box(t)
	data := []byte(header + "\nd\t../../etc\n")
	if err := os.WriteFile(filepath.Join(root, ListsDir, "x"), data, 0o644); err != nil {
		t.Fatal(err)
	}
	tool.Tree = Tree(data)
	faults := Verify(root, []spec.Tool{tool})[0].Faults
	if len(faults) != 1 || !strings.Contains(faults[0].What, "line 2 of it is damaged") {
		t.Errorf("got %v", faults)
	}
}
