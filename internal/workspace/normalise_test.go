package workspace

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files")

func normalised(t testing.TB, text string, keepVersion bool) string {
	t.Helper()
	m, bad := parseManifest("package.json", []byte(text))
	if len(bad) > 0 {
		t.Fatal(bad)
	}
	return string(m.normalise(PNPM, keepVersion, false))
}

// Each testdata/normalise/NAME.json has its normalised form in NAME.golden.
func TestNormaliseGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/normalise/*.json")
	if err != nil || len(files) < 4 {
		t.Fatalf("there are %d files: %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		got := normalised(t, string(text), strings.Contains(file, "version-asked-for"))
		golden := strings.TrimSuffix(file, ".json") + ".golden"
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		same(t, string(want), got)
	}
}

const edited = `{
  "name": "a", "version": "1.2.3", "description": "d", "license": "MIT", "type": "module", "private": true,
  "scripts": {"build": "x"}, "dependencies": {"x": "1", "y": "2"}, "bin": "cli.js", "engines": {"node": ">=20"},
  "publishConfig": {"directory": "dist", "access": "public"}, "directories": {"bin": "b", "doc": "d"}
}`

// These edits of a manifest must not install again.
func TestNormaliseLeavesOut(t *testing.T) {
	want := normalised(t, edited, false)
	for _, change := range [][2]string{
		{`"1.2.3"`, `"2.0.0"`}, {`"description": "d"`, `"description": "other"`}, {`"build": "x"`, `"build": "y", "test": "z"`},
		{`"module"`, `"commonjs"`}, {`"private": true`, `"private": false`}, {`"license": "MIT", `, ``}, {`"access": "public"`, `"access": "restricted"`},
		{`"doc": "d"`, `"doc": "e"`}, {"  ", "\t"}, {`"x": "1", "y": "2"`, `"y": "2", "x": "1"`}, {`"name": "a"`, `"main": "index.js", "exports": {}, "name": "\u0061"`},
	} {
		text := strings.ReplaceAll(edited, change[0], change[1])
		if text == edited {
			t.Errorf("%q is not in the manifest", change[0])
		}
		if got := normalised(t, text, false); got != want {
			t.Errorf("%q for %q changes it:\n%s", change[1], change[0], got)
		}
	}
}

// And these must.
func TestNormaliseKeeps(t *testing.T) {
	want := normalised(t, edited, true)
	for _, change := range [][2]string{
		{`"x": "1"`, `"x": "1.0"`}, {`"name": "a"`, `"name": "b"`}, {`"cli.js"`, `{"a": "cli.js"}`}, {`">=20"`, `">=22"`}, {`"dist"`, `"out"`}, {`"bin": "b"`, `"bin": "c"`}, {`1.2.3`, `1.2.4`},
	} {
		if got := normalised(t, strings.Replace(edited, change[0], change[1], 1), true); got == want {
			t.Errorf("%q for %q does not change it", change[1], change[0])
		}
	}
	for _, f := range installFields() {
		value := `{"k": "v"}`
		if f.name == "name" {
			value = `"v"`
		}
		kind := PNPM
		if len(f.of) > 0 {
			kind = f.of[0]
		}
		m, _ := parseManifest("package.json", []byte(`{"`+f.name+`": `+value+`}`))
		if got := string(m.normalise(kind, false, false)); !strings.Contains(got, `"`+f.name+`": `) {
			t.Errorf("%s is left out: %s", f.name, got)
		}
		if f.why == "" {
			t.Errorf("%s has no reason", f.name)
		}
	}
}

// The order of keys counts where the first of two rules is taken, or where all
// are hashed as they were written; formatting does not.
func TestNormaliseKeepsOrder(t *testing.T) {
	for _, field := range []string{"overrides", "resolutions", "pnpm"} {
		one := normalised(t, `{"`+field+`": {"x@2": {"b": "1", "a": "2"}, "x": "3"}}`, false)
		if want := "{\n  \"" + field + "\": {\n    \"x@2\": {\n      \"b\": \"1\",\n      \"a\": \"2\"\n    },\n    \"x\": \"3\"\n  }\n}\n"; one != want {
			t.Errorf("%s is\n%s, want\n%s", field, one, want)
		}
		if got := normalised(t, "{\""+field+"\" :\n{\"x@2\" :{\"b\":\"1\" ,\"a\":\"2\"},\r\n\t\"x\":\"3\"}\n}", false); got != one {
			t.Errorf("the formatting of %s counts:\n%s", field, got)
		}
	}
}

func TestNormaliseNumbers(t *testing.T) {
	got := normalised(t, `{"pnpm": {"a": 1.0, "b": 1e400, "c": 123456789012345678901234567890, "d": -0, "e": "<&>\u2028"}}`, false)
	for _, want := range []string{`"a": 1.0`, `"b": 1e400`, `"c": 123456789012345678901234567890`, `"d": -0`, `"e": "<&>\u2028"`} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is not in %s", want, got)
		}
	}
}

func TestVersionKept(t *testing.T) {
	lib := `{"name": "lib", "version": "1.2.3"}`
	for spec, kept := range map[string]bool{
		`"lib": "workspace:*"`: false, `"lib": "workspace:^1.0.0"`: false, `"lib": "^1.0.0"`: true, `"lib": "catalog:"`: true, `"alias": "npm:lib@^1"`: true,
		`"alias": "npm:other@^1"`: false, `"alias": "workspace:lib@*"`: false,
	} {
		for _, field := range dependencyFields() {
			ws := mustFind(t, with("packages/lib/package.json", lib, "apps/a/package.json", `{"`+field+`": {`+spec+`}}`))
			if got := strings.Contains(inputOf(t, ws, "packages/lib/package.json"), "1.2.3"); got != kept {
				t.Errorf("%s %s: version kept %v, want %v", field, spec, got, kept)
			}
		}
	}
}

// What is normalised stays so, is valid, and depends on no more than the values.
func FuzzNormalise(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte) {
		m, bad := parseManifest("package.json", data)
		if len(bad) > 0 {
			for _, x := range bad {
				if x.At.Line < 1 || x.At.Column < 1 || !strings.HasPrefix(x.What, "cannot ") {
					t.Errorf("fault %v", x)
				}
			}
			return
		}
		once := m.normalise(PNPM, true, false)
		again, bad := parseManifest("package.json", once)
		if len(bad) > 0 {
			t.Fatalf("%s was normalised to %s: %v", data, once, bad)
		}
		same(t, string(once), string(again.normalise(PNPM, true, false)))
		var whole any
		if err := json.Unmarshal(once, &whole); err != nil {
			t.Error(err)
		}
		for name, offset := range m.offsets {
			if offset < 0 || offset >= len(m.data) || m.data[offset] != '"' {
				t.Errorf("field %q is said to be at byte %d of %q", name, offset, m.data)
			}
		}
	})
}

// A pattern that is taken never leaves the root, and matching it ends.
func FuzzGlob(f *testing.F) {
	f.Fuzz(func(t *testing.T, text, dir string) {
		p, err := compile(text)
		if err != nil {
			return
		}
		if len(p.alts) == 0 || len(p.alts) > maxBraces {
			t.Errorf("%q has %d alternatives", text, len(p.alts))
		}
		for _, alt := range p.alts {
			if slices.Contains(alt, "..") || slices.Contains(alt, "") {
				t.Errorf("%q was taken as %q", text, alt)
			}
		}
		if dir == "" || strings.HasPrefix(dir, "/") || strings.HasSuffix(dir, "/") || strings.Contains(dir, "//") {
			return
		}
		matched := matchAny([]pattern{p}, dir, false)
		if matched && p.not {
			t.Errorf("%q took %q", text, dir)
		}
		if deep, err := compile("**"); err != nil || !matchAny([]pattern{deep}, "a", false) {
			t.Errorf("** takes nothing: %v", err)
		}
	})
}
