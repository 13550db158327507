package workspace

import (
	"io/fs"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// Looking only into folders that a pattern can reach finds what looking into all does.
func TestSearchIsThatOfAllFolders(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 5))
	of := func(list ...string) string { return list[r.IntN(len(list))] }
	some := func(most int, sep string, of func() string) string {
		parts := make([]string, 1+r.IntN(most))
		for i := range parts {
			parts[i] = of()
		}
		return strings.Join(parts, sep)
	}
	folder := func() string { return of("a", "b", "ab", ".a", "packages", "node_modules") }
	name := func() string {
		return of("a", "b", "*", "**", "**", "?", "a*", "*b", "[ab]", "[!a]", ".a", ".*", "[.]a", "{a,b}", "{a,b/*}", "{,.}a", "a**", "**b", ".", "packages", "{**,a}/b")
	}
	found, pruned := 0, 0
	for range 4000 {
		tree := fstest.MapFS{}
		for range 1 + r.IntN(12) {
			tree[path.Join(some(5, "/", folder), of(manifestFile, manifestFile, "other"))] = &fstest.MapFile{}
		}
		var texts []string
		var patterns []pattern
		for range 1 + r.IntN(4) {
			text := of("", "", "", "!") + some(4, "/", name) + of("", "", "/")
			if p, err := compile(text); err == nil {
				texts, patterns = append(texts, text), append(patterns, p)
			}
		}
		from, inOrder := of(".", ".", "a", "packages/a"), r.IntN(2) == 0
		if info, err := fs.Stat(tree, from); len(patterns) == 0 || err != nil || !info.IsDir() {
			continue
		}
		want := []string{}
		all := 0
		f := &finder{tree: tree, manages: Manager{Kind: Yarn}}
		err := fs.WalkDir(tree, from, func(p string, d fs.DirEntry, err error) error {
			switch {
			case err != nil || !d.IsDir() || p == from:
				return err
			case f.ignored(d.Name()):
				return fs.SkipDir
			}
			all++
			if matchAny(patterns, strings.TrimPrefix(p, from+"/"), inOrder) && f.exists(path.Join(p, manifestFile)) {
				want = append(want, p)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(want)
		read := &reads{FS: tree}
		f.tree = read
		if got := f.search(from, patterns, inOrder); !slices.Equal(got, want) || len(f.faults) > 0 {
			t.Fatalf("%q from %s, in order %v: %q, want %q; %v", texts, from, inOrder, got, want, f.faults)
		}
		found += len(want)
		if read.folders < all+1 {
			pruned++
		}
	}
	if found < 500 || pruned < 1000 {
		t.Errorf("%d packages were found, and %d times less was looked at", found, pruned)
	}
}

// reads counts the folders that are read.
type reads struct {
	fs.FS
	folders int
}

func (r *reads) ReadDir(name string) ([]fs.DirEntry, error) {
	r.folders++
	return fs.ReadDir(r.FS, name)
}
