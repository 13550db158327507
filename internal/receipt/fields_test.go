package receipt

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

const pnpmLock = `lockfileVersion: '9.0'

settings:
  autoInstallPeers: true

overrides:
  left-pad: 1.3.0

importers:

  .: {}

  apps/web:
    dependencies:
      zod:
        specifier: ^3.1
        version: 3.1.0

packages:

  '@babel/core@7.1.0':
    resolution: {integrity: sha512-abc}

  zod@3.1.0:
    resolution: {integrity: sha512-def}
    # a comment
`

const yarnLock = `# yarn lockfile v1


"@babel/core@^7.1.0":
  version "7.1.0"
  integrity sha512-abc

zod@^3.1:
  version "3.1.0"
`

func TestFields(t *testing.T) {
	var b strings.Builder
	for _, tt := range []struct{ name, text string }{
		{"package.json", `{"name":"x","dependencies":{"zod":"^3.1"},"pnpm":{"overrides":{"a":"1"},"list":[1,2]},"empty":{},"n":1.10,"none":null}`},
		{"package.json", `{"dependencies":{"a":"git+https://user:pa55word@host.example/r.git","b":"https://token@host.example"}}`},
		{"package.json", `{"a":"` + strings.Repeat("long", 40) + `","b":"two\nlines","c":"#nohash"}`},
		{"package.json", `[1]`},
		{"package.json", `{`},
		{"package-lock.json", `{"lockfileVersion":3,"packages":{"":{"name":"x"},"node_modules/zod":{"version":"3.1.0"}}}`},
		{"pnpm-lock.yaml", pnpmLock},
		{"sub/yarn.lock", yarnLock},
		{"pnpm-workspace.yaml", "packages:\n  - apps/*\n  - \"!apps/old\"\ncatalog:\n  zod: ^3.1\r\n"},
		{".npmrc", "; comment\nregistry=https://u:secret@host.example/\n//host.example/:_authToken=npm_s3cret\n_password = aHVudGVy\nsave-exact=true\nbare\n"},
		{".yarnrc.yml", "nodeLinker: node-modules\nnpmAuthToken: npm_s3cret\n'npmAuthIdent': \"u:pa55word\"\nnpmScopes:\n  co:\n    npmAuthToken: npm_s3cret\nhttpProxy: \"http://u:pa55word@proxy.example:3128\"\n"},
		{"package.json", `{"a":["http://u:pa55word@a.example","http://u:pa55word@b.example/x"],"b":"x://a/ y://u:pa55word@b"}`},
		{"patches/a.patch", "--- a\n+++ b\n"},
	} {
		fields := FieldsOf(tt.name, []byte(tt.text))
		fmt.Fprintf(&b, "%s:\n", tt.name)
		for _, key := range slices.Sorted(maps.Keys(fields)) {
			fmt.Fprintf(&b, "  %s = %s\n", key, fields[key])
		}
		for _, secret := range []string{"pa55word", "token@", "s3cret", "aHVudGVy"} {
			if strings.Contains(fmt.Sprint(fields), secret) {
				t.Errorf("%s shows %s", tt.name, secret)
			}
		}
	}
	golden(t, "fields.txt", b.String())
}

// A lock of more parts than people read is told by its sections.
func TestFieldsOfALargeLock(t *testing.T) {
	var b strings.Builder
	b.WriteString("lockfileVersion: '9.0'\npackages:\n")
	for i := range maxFields + 1 {
		fmt.Fprintf(&b, "  p%d@1.0.0:\n    resolution: {}\n", i)
	}
	before := FieldsOf("pnpm-lock.yaml", []byte(b.String()))
	if len(before) != 2 {
		t.Fatalf("%d parts", len(before))
	}
	after := FieldsOf("pnpm-lock.yaml", []byte(strings.Replace(b.String(), "p7@1.0.0", "p7@1.0.1", 1)))
	if before["packages"] == after["packages"] || before["lockfileVersion"] != after["lockfileVersion"] {
		t.Errorf("%v, %v", before, after)
	}
}

// Whatever a file holds, a part is told in one line that drives no terminal,
// and equal files are told alike.
func FuzzFields(f *testing.F) {
	f.Fuzz(func(t *testing.T, name, text string) {
		fields := FieldsOf(name, []byte(text))
		for key, value := range fields {
			if strings.ContainsAny(value, "\n\r\x1b") || len(value) > maxValue {
				t.Errorf("%q is told as %q", key, value)
			}
		}
		if !maps.Equal(fields, FieldsOf(name, []byte(text))) {
			t.Error("told in two ways")
		}
	})
}

func FuzzDecode(f *testing.F) {
	data, err := Encode(sample())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := Decode(data)
		if err != nil {
			return
		}
		again, err := Encode(r)
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		back, err := Decode(again)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		for i, l := range r.Layers {
			if causes := l.Causes(back.Layers[i]); len(causes) > 0 {
				t.Errorf("it is not itself: %v", causes)
			}
		}
	})
}
