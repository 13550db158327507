package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/config"
	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/stage"
)

func TestMeasure(t *testing.T) {
	entries := []stage.Entry{{Path: "d", Kind: stage.Dir}, {Path: "l", Kind: stage.Link, Target: "d"}, {Path: "empty"}}
	for i := range 30 {
		entries = append(entries, stage.Entry{Path: fmt.Sprintf("f%02d", i), Size: int64(i % 15 * 1000)})
	}
	s := measure(entries)
	if s.files != 31 || s.links != 1 || s.folders != 1 || s.bytes != 210_000 {
		t.Errorf("%+v", s)
	}
	const want = "f14 (14.0 kB) f29 (14.0 kB) f13 (13.0 kB) f28 (13.0 kB) f12 (12.0 kB) f27 (12.0 kB) f11 (11.0 kB) f26 (11.0 kB) f10 (10.0 kB) f25 (10.0 kB)"
	if diff := cmp.Diff(want, strings.Join(s.lines(), " ")); diff != "" {
		t.Error(diff)
	}
	if s := measure(nil); s.bytes != 0 || len(s.lines()) != 0 {
		t.Errorf("%+v", s)
	}
}

func TestBytesText(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1000: "1.0 kB", 1_234_567: "1.2 MB", 5e9: "5.00 GB"} {
		if got := bytesText(n); got != want {
			t.Errorf("%d is %s, want %s", n, got, want)
		}
	}
}

// What is said of one path stands in its one object, and what is left out has
// no mode.
func TestItems(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"b.txt": "b", ".env": "A=b", "s": "x"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(filepath.Join(dir, "s"), 0o755|os.ModeSetuid); err != nil {
		t.Fatal(err)
	}
	tree, err := stage.Inspect(t.Context(), dir, stage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	t.Setenv("SANDWRIGHT_HOME", t.TempDir())
	v, err := judge(t.Context(), tree, &config.File{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	v.notices = append(v.notices, stage.Notice{Path: "b.txt", What: "kept", Reason: "one"}, stage.Notice{Path: "b.txt", What: "kept", Reason: "two"},
		stage.Notice{Path: "a", Kind: "fifo", What: "left out", Reason: "it is a fifo"}, stage.Notice{Reason: "of it all"})
	var out strings.Builder
	if err := printItems(&out, tree, v); err != nil {
		t.Fatal(err)
	}
	const want = `{"path":".","kind":"dir","notice":"of it all"}
{"path":".env","kind":"file","mode":"0644","size":3,"notice":"kept: it looks like a secret: a file of environment variables"}
{"path":"a","kind":"fifo","notice":"left out: it is a fifo"}
{"path":"b.txt","kind":"file","mode":"0644","size":1,"notice":"kept: one; kept: two"}
{"path":"s","kind":"file","mode":"0755","size":1,"notice":"dropped: setuid, setgid and sticky bits"}
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}

func TestUnread(t *testing.T) {
	changed := fault.Cannot("stage a: %w", stage.ErrChanged)
	denied := fault.Cannot("read b: %w", &stage.Unreadable{Path: "b", Err: unix.EACCES}).WithHint("make it readable")
	full := fault.Cannot("read the cache")
	err := fault.List{changed, denied, full}.Err()
	var listed, written verdict
	if got := listed.unread(err, true); len(got) != 1 || got[0] != full {
		t.Errorf("of a list: %v", got)
	}
	if len(listed.notices) != 1 || !strings.Contains(listed.notices[0].Reason, "could not look for secrets") {
		t.Errorf("notices %v", listed.notices)
	}
	want := []stage.Refusal{{Path: "b", Kind: "file", Reason: "permission denied", Hint: "make it readable"}}
	if diff := cmp.Diff(want, listed.refusals); diff != "" {
		t.Error(diff)
	}
	// What is not looked into is written nowhere.
	if got := written.unread(err, false); len(got) != 2 || !errors.Is(got.Err(), stage.ErrChanged) {
		t.Errorf("of a tar: %v", got)
	}
}

// A file that gets a secret after the tree was judged is refused when it is
// written, and named.
func TestASecretThatComesLater(t *testing.T) {
	t.Setenv("SANDWRIGHT_HOME", t.TempDir())
	for name, c := range map[string]struct {
		text, want string
		strict     bool
	}{
		"a known one":           {"key: sesame-open-4711", "cannot stage a.txt: it holds the value of KEY", false},
		"what looks like one":   {"t = gh" + "p_4fG7hJ2kL9mN1pQ3rS5tV8wX0yZ6aB2cD4eF", "cannot stage a.txt: it looks like a secret: a token of GitHub on line 1", true},
		"that one, not strict":  {"t = gh" + "p_4fG7hJ2kL9mN1pQ3rS5tV8wX0yZ6aB2cD4eF", "", false},
		"something else at all": {"harmless", "", true},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "a.txt")
			if err := os.WriteFile(path, []byte("before"), 0o600); err != nil {
				t.Fatal(err)
			}
			tree, err := stage.Inspect(t.Context(), dir, stage.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer tree.Close()
			v, err := judge(t.Context(), tree, &config.File{Strict: c.strict}, map[string]string{"KEY": "sesame-open-4711"})
			if err != nil || len(v.refusals) > 0 {
				t.Fatal(err, v.refusals)
			}
			if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			var out strings.Builder
			err = tree.Tar(t.Context(), &out)
			if got := fmt.Sprint(err); c.want == "" && err != nil || c.want != "" && got != c.want {
				t.Errorf("%s, want %q", got, c.want)
			}
			if strings.Contains(out.String(), c.text) != (c.want == "") {
				t.Errorf("the tar holds %q", out.String())
			}
		})
	}
}
