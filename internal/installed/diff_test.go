package installed

import (
	"fmt"
	"testing"
)

func TestDiff(t *testing.T) {
	file := func(path, sum string, exec bool) Entry {
		return Entry{Kind: File, Path: "opt/x/" + path, SHA256: sum, Exec: exec}
	}
	link := func(path, target string) Entry { return Entry{Kind: Link, Path: "opt/x/" + path, Target: target} }
	dir := func(path string) Entry { return Entry{Kind: Dir, Path: "opt/x/" + path} }
	var many List
	for i := range 12 {
		many = append(many, file(fmt.Sprintf("f%02d", i), "1", false))
	}
	for _, c := range []struct {
		name     string
		old, new List
		want     string
	}{
		{"nothing", List{file("a", "1", false), dir("d")}, List{file("a", "1", false), dir("e")}, ""},
		{"contents", List{file("a", "1", false), file("b", "1", true)}, List{file("a", "2", false), file("b", "1", true)}, "changed a"},
		{"mode", List{file("a", "1", false)}, List{file("a", "1", true)}, "changed a (mode 644 -> 755)"},
		{"link", List{link("a", "b")}, List{link("a", "c")}, "changed a (to c)"},
		{"kind", List{link("a", "b")}, List{file("a", "1", false)}, "changed a (another kind)"},
		{"a folder that becomes a file", List{dir("a")}, List{file("a", "1", false)}, "new a"},
		{"a file that becomes a folder", List{file("a", "1", false)}, List{dir("a"), file("a/b", "1", false)}, "new a/b; gone a"},
		{"all three", List{file("a", "1", false), file("b", "1", false)}, List{file("a", "2", false), file("c", "1", false)}, "changed a; new c; gone b"},
		{"many", nil, many, "new f00, f01, f02, f03, f04, f05, f06, f07, f08, f09 and 2 more"},
		{"many go", many, nil, "gone f00, f01, f02, f03, f04, f05, f06, f07, f08, f09 and 2 more"},
	} {
		if got := c.old.Diff(c.new, "opt/x/"); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
