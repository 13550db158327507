package stage

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/patternmatcher"

	"github.com/sandwright/sandwright/internal/config"
	"github.com/sandwright/sandwright/internal/fault"
)

// A matcher that keeps what it knows of folders says what moby/patternmatcher
// says of each name alone. The input is patterns, an empty line, and names.
func FuzzRules(f *testing.F) {
	f.Fuzz(func(t *testing.T, text string) {
		rules, names, _ := strings.Cut(text, "\n\n")
		patterns, paths := strings.Split(rules, "\n"), pathsOf(names)
		if len(text) > 2000 || len(patterns) > 20 {
			t.Skip()
		}
		m, err := newMatcher(patterns)
		if err != nil {
			if fault.Code(err) != fault.ExitConfig {
				t.Errorf("%q: %v", patterns, err)
			}
			return
		}
		want, err := patternmatcher.New(slices.DeleteFunc(patterns, func(p string) bool { return odd(p) }))
		if err != nil || slices.ContainsFunc(strings.Split(rules, "\n"), odd) {
			return // such a pattern is read in another way: see TestPatterns
		}
		for _, p := range paths {
			yes, err := want.MatchesOrParentMatches(p)
			if got := m.match(p); err == nil && got != yes {
				t.Errorf("%q matches %q: %v, want %v", patterns, p, got, yes)
			}
		}
	})
}

// odd says that a pattern begins in a way that .dockerignore files and the
// matcher of moby do not read alike.
func odd(p string) bool {
	body := strings.TrimPrefix(strings.TrimSpace(p), "!")
	return strings.HasPrefix(body, "!") || strings.HasPrefix(body, "/") || strings.TrimSpace(body) != body
}

func pathsOf(text string) (paths []string) {
	for p := range strings.SplitSeq(text, "\n") {
		if l := (&lister{}); l.add(p) == nil && len(l.paths) == 1 {
			paths = append(paths, p)
		}
	}
	return paths
}

func TestPatterns(t *testing.T) {
	for _, test := range []struct {
		patterns string
		path     string
		want     bool
	}{
		{"/a", "a", true}, {"a/", "a/b", true}, {" a ", "a", true}, {"!/a", "a", false},
		{"* !/a", "a", false}, {"* !a/b", "a/b/c", false}, {"* !a/b a/b/c", "a/b/c", true},
		{"*.log !docs", "docs/x.log", false}, {"**/*.log !docs", "docs/x.log", false}, {"a", "ab", false},
		{`!!a`, "!a", false}, {`* !!a`, "!a", false}, {`* !!a`, "a", true},
		{"a/**", "a", false}, {"**", "x/y", true}, {"", "x", false}, {"[a-c]/?", "b/x", true},
	} {
		m, err := newMatcher(strings.Split(test.patterns, " "))
		if err != nil {
			t.Fatal(err)
		}
		if got := m.match(test.path); got != test.want {
			t.Errorf("%q matches %q: %v", test.patterns, test.path, got)
		}
	}
	for _, bad := range []string{"!", "[", "[a", `a\`, "[z-a]"} {
		if _, err := newMatcher([]string{bad}); fault.Code(err) != fault.ExitConfig {
			t.Errorf("%q: error %v", bad, err)
		}
	}
}

// Folders that a pattern cannot reach are not walked.
func TestReaches(t *testing.T) {
	for _, test := range []struct {
		patterns, dir string
		want          bool
	}{
		{"dist", "dist", true}, {"dist", "dist/a", true}, {"dist", "src", false}, {"a/b/c", "a", true}, {"a/b/c", "a/b", true},
		{"a/b/c", "a/x", false}, {"a/*/c", "a/x", true}, {"a/*/c", "b", false}, {"**/x", "any", true}, {"*.js", "any", true},
		{"a/b*/c", "a", true}, {"a/b*/c", "c", false}, {"!a", "a", false}, {"/a", "a/b", true},
	} {
		m, err := newMatcher([]string{test.patterns})
		if err != nil {
			t.Fatal(err)
		}
		if got := m.reaches(test.dir); got != test.want {
			t.Errorf("%q reaches %q: %v", test.patterns, test.dir, got)
		}
	}
}

// The rule that a hint shows is one that sandwright.yaml takes, and that does
// what it says to this very path.
func FuzzPattern(f *testing.F) {
	f.Fuzz(func(t *testing.T, p string) {
		if l := (&lister{}); len(p) > 200 || l.add(p) != nil || len(l.paths) == 0 {
			t.Skip()
		}
		file, err := config.Parse("sandwright.yaml", []byte("name: x\nbase: {debian: {suite: bookworm}}\nlinks: [{drop: "+pattern(p)+"}]\n"))
		if err != nil {
			t.Fatalf("%q: %v", p, err)
		}
		rules, err := newLinkRules(file.Links)
		if err != nil {
			t.Fatalf("%q: %v", p, err)
		}
		if ruleFor(rules, p) == nil {
			t.Errorf("%q is not matched by %s", p, pattern(p))
		}
	})
}

func TestHintShowsTheRule(t *testing.T) {
	d := checkout(t)
	d.link("a/b [x]", "/etc")
	f := d.failsWith(`cannot stage "a/b [x]": it points to /etc, outside the project`)
	want := `point it inside the project by a relative path, or add to sandwright.yaml one of: ` +
		`links: [{drop: "a/b \\[x\\]"}]; links: [{allow: "a/b \\[x\\]"}]; links: [{rewrite: "a/b \\[x\\]", to: TARGET}]`
	if diff := cmp.Diff(want, f.Hint); diff != "" {
		t.Error(diff)
	}
}

// What must not be staged is there as data, whole, beside what is.
func TestRefusalsAndNoticesAreData(t *testing.T) {
	d := checkout(t)
	d.file("ok", "")
	d.link("a", "b")
	d.link("b", "../outside")
	d.file(".wh.x", "")
	d.link("loop", "loop")
	tree, err := Inspect(t.Context(), d.root, Options{})
	d.check(err)
	defer tree.Close()
	expect(t, tree, "loop -> loop", "ok")
	var got []Refusal
	for _, r := range tree.Refusals() {
		if r.Hint == "" {
			t.Errorf("%s has no hint", r.Path)
		}
		r.Hint = ""
		got = append(got, r)
	}
	if diff := cmp.Diff([]Refusal{
		{Path: ".wh.x", Kind: "file", Reason: "a name that starts with .wh. deletes files in an image"},
		{Path: "a", Kind: "link", Reason: "it leads to b, which points to ../outside, outside the project", Own: "b", Hop: "b", Target: "../outside"},
		{Path: "b", Kind: "link", Reason: "it points to ../outside, outside the project", Own: "../outside", Hop: "b", Target: "../outside"},
	}, got); diff != "" {
		t.Errorf("refusals (-want +got):\n%s", diff)
	}
	notice := Notice{Path: "loop", Kind: "link", What: "kept", Reason: "it points to loop, which leads round and round"}
	if diff := cmp.Diff([]Notice{notice}, tree.Notices()); diff != "" {
		t.Errorf("notices (-want +got):\n%s", diff)
	}
	if _, err := tree.Digest(t.Context()); err == nil || len(fault.All(err)) != 3 {
		t.Errorf("the digest of a tree with refusals: %v", err)
	}
	if err := tree.FS().Walk(t.Context(), "", nil); len(fault.All(err)) != 3 {
		t.Errorf("a transfer of a tree with refusals: %v", err)
	}
}

// A .dockerignore that cannot be read would let through what it forbids.
func TestBadDockerignore(t *testing.T) {
	for what, make := range map[string]func(d *dir){
		"it is a link":                  func(d *dir) { d.file("f", ""); d.link(ignoreName, "f") },
		"it is not a file":              func(d *dir) { d.fifo(ignoreName) },
		"it has more than a megabyte":   func(d *dir) { d.file(ignoreName, strings.Repeat("#\n", maxIgnore)) },
		"bufio.Scanner: token too long": func(d *dir) { d.file(ignoreName, strings.Repeat("x", 100_000)) },
	} {
		d := checkout(t)
		make(d)
		d.failsWith("cannot read .dockerignore: " + what)
	}
	d := checkout(t)
	d.file(ignoreName, "[a\n")
	d.failsWith(`cannot use "[a" as a pattern`)
}
