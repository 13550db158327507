package receipt

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTreeFields(t *testing.T) {
	parts := []Part{{"README", 1}, {"a/b/c/x", 0xffffffff}, {"a/b/c/y", 2}, {"a/b/z", 4}, {"a/é", 8}}
	for most, want := range map[int]map[string]string{
		5: {"README": "#00000001", "a/b/c/x": "#ffffffff", "a/b/c/y": "#00000002", "a/b/z": "#00000004", "a/é": "#00000008"},
		4: {"README": "#00000001", "a/b/c/": "#00000001", "a/b/z": "#00000004", "a/é": "#00000008"},
		3: {"README": "#00000001", "a/b/": "#00000005", "a/é": "#00000008"},
		2: {"README": "#00000001", "a/": "#0000000d"},
		1: nil,
	} {
		if diff := cmp.Diff(want, TreeFields(parts, most)); diff != "" {
			t.Errorf("at most %d (-want +got):\n%s", most, diff)
		}
	}
	if got := TreeFields(nil, 5); len(got) > 0 {
		t.Errorf("of nothing it tells %v", got)
	}
}

// walk gives sums in the order of a walk.
func walk(sums map[string]uint32) (out []Part) {
	names := slices.SortedFunc(maps.Keys(sums), func(a, b string) int { return slices.Compare(strings.Split(a, "/"), strings.Split(b, "/")) })
	for _, name := range names {
		out = append(out, Part{name, sums[name]})
	}
	return out
}

// TestCausesOfATree: the files are named that differ, or their folders, also
// where one of the two receipts tells more than the other.
func TestCausesOfATree(t *testing.T) {
	files := func(edit func(map[string]uint32)) map[string]uint32 {
		out := map[string]uint32{}
		for _, dir := range []string{"", "a/", "a/b/", "c/d/e/"} {
			for i := range 4 {
				out[fmt.Sprintf("%sf%d", dir, i)] = uint32(i + 1)
			}
		}
		if edit != nil {
			edit(out)
		}
		return out
	}
	tree := func(sums map[string]uint32, most int) File {
		return File{Path: "inputs of build 1", Kind: Tree, Sum: SumOf(fmt.Append(nil, sums)), Fields: TreeFields(walk(sums), most)}
	}
	before := files(nil)
	for name, tt := range map[string]struct {
		edit         func(map[string]uint32)
		before, then int // bounds
		want         string
	}{
		"nothing":                    {nil, 99, 99, ""},
		"nothing, and it tells less": {nil, 99, 8, ""},
		"each file": {func(m map[string]uint32) { m["a/f1"] = 9; m["new"] = 9; delete(m, "c/d/e/f0") }, 99, 99,
			"a/f1 changed, c/d/e/f0 removed, new added"},
		"folders":                    {func(m map[string]uint32) { m["a/b/f1"] = 9 }, 8, 8, "a changed"},
		"folders of a greater depth": {func(m map[string]uint32) { m["c/d/e/f1"] = 9 }, 15, 15, "c/d/e changed"},
		"files before":               {func(m map[string]uint32) { m["a/b/f1"] = 9; m["f1"] = 9 }, 99, 8, "a changed, f1 changed"},
		"files now":                  {func(m map[string]uint32) { delete(m, "a/b/f1") }, 8, 99, "a changed"},
		"a folder that goes": {func(m map[string]uint32) {
			for i := range 4 {
				delete(m, fmt.Sprintf("c/d/e/f%d", i))
			}
		}, 8, 99, "c removed"},
		"a file that becomes a folder": {func(m map[string]uint32) { delete(m, "a/f1"); m["a/f1/x"] = 1 }, 99, 99, "a/f1 removed, a/f1/x added"},
		"the same as a folder":         {func(m map[string]uint32) { delete(m, "f1"); m["f1/x"] = 1 }, 6, 6, "f1 added, f1 removed"},
		"nothing is told before":       {func(m map[string]uint32) { m["f1"] = 9 }, 1, 99, "inputs of build 1 changed"},
		"nothing is told now":          {func(m map[string]uint32) { m["f1"] = 9 }, 99, 1, "inputs of build 1 changed"},
		"what is not told of":          {func(m map[string]uint32) { m["a/f1"]++; m["a/f2"]-- }, 8, 8, "inputs of build 1 changed"},
	} {
		l := Layer{Name: "build 1", Files: []File{tree(files(tt.edit), tt.then)}}
		var got []string
		for _, c := range l.Causes(Layer{Files: []File{tree(before, tt.before)}}) {
			got = append(got, c.String())
		}
		if diff := cmp.Diff(tt.want, strings.Join(got, ", ")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// What a receipt from elsewhere says of a tree names nothing by mistake.
func TestForgedTree(t *testing.T) {
	now := File{Path: "inputs of build 1", Kind: Tree, Sum: SumOf([]byte("now")), Fields: TreeFields([]Part{{"a", 1}}, 9)}
	for _, fields := range []map[string]string{{"a": "no number"}, {"": "#00000001"}, {"a": "#100000000"}, {"a": ""}} {
		l, was := Layer{Files: []File{now}}, File{Path: now.Path, Kind: Tree, Sum: SumOf([]byte("before")), Fields: fields}
		if got := l.Causes(Layer{Files: []File{was}}); len(got) != 1 || got[0].String() != "inputs of build 1 changed" {
			t.Errorf("%v: %v", fields, got)
		}
	}
}
