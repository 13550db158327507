package workspace

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestGlob(t *testing.T) {
	tests := []struct {
		pattern string
		yes, no string
	}{
		{"a", "a", "b a/b A"},
		{"*", "a b-c", "a/b .a"},
		{"a/*", "a/b", "a a/b/c a/.b"},
		{"a/**", "a a/b a/b/c", "b a/.x/b"},
		{"**/a", "a b/a b/c/a", "a/b .b/a"},
		{"a/**/b", "a/b a/x/b a/x/y/b", "a b a/x"},
		{"**", "a a/b", ".a a/.b"},
		{"a?c", "abc", "ac abbc"},
		{"[ab]c", "ac bc", "cc c"},
		{"[!ab]c", "cc", "ac bc"},
		{"{a,b}", "a b", "c {a,b}"},
		{"{a,b/{c,d}}/x", "a/x b/c/x b/d/x", "b/x c/x"},
		{"{,a}b", "b ab", "a"},
		{"./a//b/", "a/b", "a"},
		{".a", ".a", "a"},
		{"a**b", "ab axb", "a/b"},
		{"[^a]b", "bb .b", "ab"},
	}
	for _, test := range tests {
		p, err := compile(test.pattern)
		if err != nil {
			t.Errorf("%s: %v", test.pattern, err)
			continue
		}
		for _, dir := range strings.Fields(test.yes) {
			if !matchAny([]pattern{p}, dir, false) {
				t.Errorf("%s does not take %s", test.pattern, dir)
			}
		}
		for _, dir := range strings.Fields(test.no) {
			if matchAny([]pattern{p}, dir, false) {
				t.Errorf("%s takes %s", test.pattern, dir)
			}
		}
	}
}

func TestGlobRefused(t *testing.T) {
	for text, want := range map[string]error{
		"": errEmpty, "!": errEmpty, "..": errLeaves, "a/..": errLeaves, "/": errLeaves, "{/a,b}": errLeaves, "!/a": errLeaves,
		"@(a|b)": errExtended, "a/!(b)": errExtended, `a\*`: errExtended, "{a}": errBraces, "{a": errBraces, "a}": errBraces, "{1..3}": errBraces,
		strings.Repeat("{a,b}", 30): errBraces,
	} {
		if _, err := compile(text); !errors.Is(err, want) {
			t.Errorf("%q: error %v, want %v", text, err, want)
		}
	}
	if _, err := compile("a["); err == nil {
		t.Error("open brackets were taken")
	}
}

// No pattern makes matching slow.
func TestGlobTime(t *testing.T) {
	p, err := compile(strings.Repeat("**/", 500) + "*a" + strings.Repeat("*a", 100) + "b")
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if matchAny([]pattern{p}, strings.Repeat("a/", 500)+strings.Repeat("a", 250), false) {
		t.Error("it matches")
	}
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("it took %v", took)
	}
}
