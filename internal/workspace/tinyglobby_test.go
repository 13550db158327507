package workspace

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// searchScript asks the library that pnpm uses, in the way that pnpm does, for the
// folders that each list of patterns names.
const searchScript = `
const {globSync} = require('tinyglobby')
const path = require('path')
const lists = JSON.parse(process.argv[2])
console.log(JSON.stringify(lists.map(list => globSync(list.map(p => p.replace(/\/?$/, '/package.{json,yaml,json5}')), {
  cwd: process.argv[1], expandDirectories: false, ignore: ['**/node_modules/**', '**/bower_components/**'],
}).map(p => path.dirname(p)))))
`

// Patterns name the same folders here as in pnpm.
func TestGlobsAsPnpmReadsThem(t *testing.T) {
	tools, dir := t.TempDir(), t.TempDir()
	run(t, tools, "npm", "install", "--prefix", tools, "--no-audit", "--no-fund", "--loglevel=error", "tinyglobby@0.2.15")
	for _, d := range []string{
		"a", "a/b", "a/b/c", "a/b/c/d", "a/.h", "a/.h/b", ".x", ".x/y", "ab", "abc", "b", "b/a", "b/b", "b/test", "b/test/deep", "test",
		"x-1", "x-2", "x-10", "node_modules/m", "a/node_modules/m", "b/bower_components/m", "c*d", "[x]", "a b", "é", "apps/web", "apps/web/e2e",
	} {
		write(t, dir, d+"/package.json", "{}")
	}
	lists := [][]string{
		{"*"}, {"**"}, {"a"}, {"a/"}, {"a/*"}, {"a/**"}, {"a/**/*"}, {"**/a"}, {"**/b/**"}, {"*/*"}, {"*/*/*"}, {"a?"}, {"a*"}, {"*b*"}, {"[ab]"}, {"[!ab]"}, {"[^ab]*"},
		{"x-[0-9]"}, {"x-{1,2}"}, {"{a,b}/*"}, {"{a,b/{a,test}}"}, {"{a,x}{b,-1}"}, {".x"}, {".*"}, {".x/*"}, {"a/.h/**"}, {"**/.h"}, {"./a"}, {"./a/*"}, {"a//b"},
		{"**", "!a"}, {"**", "!a/**"}, {"!a/**", "**"}, {"**", "!**/test/**"}, {"*", "!b", "b/*"}, {"a/b/c", "a/b/c/d"}, {"**/*"}, {"a**"}, {"**b"}, {"a/**/d"}, {"a/**/**/d"},
		{"[!ab]*"}, {"[.]x"}, {"[.x]*"}, {"[a-z.]x"}, {"a/[^x]h"}, {"a b"}, {"é"}, {"apps/*", "!apps/web"}, {"apps/**", "!apps/*/e2e"}, {"node_modules/*"}, {"nothing/*"}, {"A"}, {"*-*"}, {"x-?"}, {"x-??"},
	}
	asked, err := json.Marshal(lists)
	if err != nil {
		t.Fatal(err)
	}
	var theirs [][]string
	if err := json.Unmarshal([]byte(run(t, tools, "node", "-e", searchScript, dir, string(asked))), &theirs); err != nil {
		t.Fatal(err)
	}
	for i, list := range lists {
		slices.Sort(theirs[i])
		want := strings.Join(slices.DeleteFunc(theirs[i], func(d string) bool { return d == "." }), "\n")
		if got := strings.Join(ours(t, dir, list), "\n"); got != want {
			t.Errorf("%q:\nours:\n%s\npnpm's:\n%s", list, got, want)
		}
	}
}

func ours(t *testing.T, dir string, list []string) []string {
	t.Helper()
	f := &finder{tree: os.DirFS(dir), manages: Manager{Kind: PNPM}}
	var patterns []pattern
	for _, text := range list {
		p, err := compile(text)
		if err != nil {
			t.Fatalf("%s: %v", filepath.ToSlash(text), err)
		}
		patterns = append(patterns, p)
	}
	return f.search(".", patterns, false)
}
