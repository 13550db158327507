package receipt

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
)

// A Part is one file of a tree.
type Part struct {
	Name string // as Name gives it
	Sum  uint32 // another one when the file is; no more than that
}

// TreeFields tell of what is in a folder, in the order of a walk: each file, or
// where there are more than most of them, folders, with a slash at their end,
// of the greatest depth at which there are not; none where there always are.
// All that is for people: the sum of the whole decides.
func TreeFields(parts []Part, most int) map[string]string {
	for depth := deepest(parts); depth > 0; depth-- {
		if !fits(parts, depth, most) {
			continue
		}
		return foldParts(parts, depth)
	}
	return nil
}

// foldParts is fold for the order of a walk, where what is in one folder stands
// together.
func foldParts(parts []Part, depth int) map[string]string {
	out := map[string]string{}
	var sum uint32
	for i, p := range parts {
		name := cutPath(p.Name, depth)
		sum += p.Sum
		if i+1 == len(parts) || cutPath(parts[i+1].Name, depth) != name {
			out[name] = fmt.Sprintf("#%08x", sum)
			sum = 0
		}
	}
	return out
}

// deepest is how many names the longest path has.
func deepest(parts []Part) (depth int) {
	for _, p := range parts {
		depth = max(depth, strings.Count(p.Name, "/")+1)
	}
	return depth
}

// fits says that there are no more than most names at a depth.
func fits(parts []Part, depth, most int) bool {
	n, last := 0, ""
	for _, p := range parts {
		if name := cutPath(p.Name, depth); name != last {
			n, last = n+1, name
		}
		if n > most {
			return false
		}
	}
	return true
}

// fold puts all that has more names than depth into one folder of that many.
// It does not matter by which steps it gets there.
func fold(sums map[string]uint32, depth int) map[string]uint32 {
	out := make(map[string]uint32, len(sums))
	for name, sum := range sums {
		out[cutPath(name, depth)] += sum
	}
	return out
}

// cutPath is a path, or the folder of as many names as depth that it is below.
func cutPath(name string, depth int) string {
	at := 0
	for range depth {
		next := strings.IndexByte(name[at:], '/')
		if next < 0 {
			return name
		}
		at += next + 1
	}
	return name[:at]
}

// treeCauses are the files or folders of a tree that differ, as far as both
// tell of them.
func (f File) treeCauses(was File) []Cause {
	before, after := treeSums(was.Fields), treeSums(f.Fields)
	if f.Decides() == was.Decides() {
		return nil
	}
	if len(before) == 0 || len(after) == 0 {
		return []Cause{{File: f.Path, Change: Changed}}
	}
	depth := min(foldedAt(before), foldedAt(after))
	before, after = fold(before, depth), fold(after, depth)
	var out []Cause
	for name, sum := range after {
		if old, ok := before[name]; !ok {
			out = append(out, Cause{File: path.Clean(name), Change: Added})
		} else if old != sum {
			out = append(out, Cause{File: path.Clean(name), Change: Changed})
		}
	}
	for name := range before {
		if _, ok := after[name]; !ok {
			out = append(out, Cause{File: path.Clean(name), Change: Removed})
		}
	}
	if len(out) == 0 { // such as sums that are equal by chance
		return []Cause{{File: f.Path, Change: Changed}}
	}
	slices.SortFunc(out, func(a, b Cause) int { return strings.Compare(a.File+string(a.Change), b.File+string(b.Change)) })
	return out
}

// treeSums reads what TreeFields gave; of a receipt that says something else
// there are none.
func treeSums(fields map[string]string) map[string]uint32 {
	out := make(map[string]uint32, len(fields))
	for name, value := range fields {
		sum, err := strconv.ParseUint(strings.TrimPrefix(value, "#"), 16, 32)
		if err != nil || name == "" {
			return nil
		}
		out[name] = uint32(sum)
	}
	return out
}

// foldedAt is the depth of the folders; of files alone, their own and more.
func foldedAt(sums map[string]uint32) int {
	depth := 1 << 16
	for name := range sums {
		if strings.HasSuffix(name, "/") {
			depth = min(depth, strings.Count(name, "/"))
		}
	}
	return depth
}
