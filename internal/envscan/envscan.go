// Package envscan finds where a program reads environment variables, without
// running it: in JavaScript and TypeScript, Go, Python and shell. It looks at
// tokens, so comments and strings are passed over; a name that is put together
// at run time is not found.
package envscan

import (
	"path"
	"slices"
	"strings"
)

// A Use is a place that reads a variable.
type Use struct {
	Name   string
	Line   int // from 1
	Column int // from 1, in bytes
}

// A token is a part of a program: text of a word or a punctuation, or what is
// between the quotes of a string.
type token struct {
	kind kind
	text string
	at   int // offset of its first byte
}

type kind byte

const (
	word kind = iota
	str
	number
	punct
)

func (t token) is(text string) bool { return t.kind != str && t.text == text }

// A found is a use by its offset.
type found struct {
	name string
	at   int
}

// Source finds the uses in a file, in their order. What language it is, its
// name tells; of other files there are none.
func Source(name string, src []byte) []Use {
	var uses []found
	switch path.Ext(name) {
	case ".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx", ".vue", ".svelte", ".astro":
		uses = scriptUses(string(src))
	case ".go":
		uses = goUses(src)
	case ".py":
		uses = pythonUses(string(src))
	}
	return placed(string(src), uses)
}

// Knows tells whether Source reads files of that name. Tests are not what runs
// in a box, and neither is what a package manager has put among the sources.
func Knows(name string) bool {
	known := []string{".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx", ".vue", ".svelte", ".astro", ".go", ".py"}
	return slices.Contains(known, path.Ext(name)) && !isTest(name) && !isVendored(name)
}

func isTest(name string) bool {
	base := path.Base(name)
	for _, part := range []string{".test.", ".spec.", "_test.go", "_test.py", ".d.ts", ".stories."} {
		if strings.Contains(base, part) {
			return true
		}
	}
	if strings.HasPrefix(base, "test_") && path.Ext(base) == ".py" {
		return true
	}
	return within(name, "__tests__", "__mocks__", "testdata")
}

func isVendored(name string) bool {
	return within(name, "node_modules", ".yarn", "vendor") || strings.Contains(path.Base(name), ".min.") || path.Base(name) == ".pnp.cjs"
}

// within tells whether a folder of the path has one of the names.
func within(name string, folders ...string) bool {
	for _, part := range strings.Split(path.Dir(name), "/") {
		if slices.Contains(folders, part) {
			return true
		}
	}
	return false
}

// placed gives offsets their lines.
func placed(src string, uses []found) (out []Use) {
	slices.SortStableFunc(uses, func(a, b found) int { return a.at - b.at })
	line, start, done := 1, 0, 0
	for _, u := range uses {
		line += strings.Count(src[done:u.at], "\n")
		if end := strings.LastIndexByte(src[done:u.at], '\n'); end >= 0 {
			start = done + end + 1
		}
		done = u.at
		out = append(out, Use{u.name, line, u.at - start + 1})
	}
	return out
}

// isName tells whether text can be the name of a variable.
func isName(text string) bool {
	for i := range len(text) {
		c := text[i]
		if !isLetter(c) && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return text != ""
}

func isLetter(c byte) bool { return c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
