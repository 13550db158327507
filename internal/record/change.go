package record

import (
	"slices"
	"strings"

	"github.com/sandwright/sandwright/internal/receipt"
)

// A Change is one file of the workspace that differs.
type Change struct {
	Change   receipt.Change
	Old, New File // the zero File where it is not there
}

// Path is that of the file.
func (c Change) Path() string {
	if c.New.Path != "" {
		return c.New.Path
	}
	return c.Old.Path
}

// Changes gives the files that differ, sorted by path.
func Changes(before, after []File) (out []Change) {
	old := make(map[string]File, len(before))
	for _, f := range before {
		old[f.Path] = f
	}
	for _, f := range after {
		was, ok := old[f.Path]
		delete(old, f.Path)
		switch {
		case !ok:
			out = append(out, Change{Change: receipt.Added, New: f})
		case was != f:
			out = append(out, Change{receipt.Changed, was, f})
		}
	}
	for _, f := range old {
		out = append(out, Change{Change: receipt.Removed, Old: f})
	}
	slices.SortFunc(out, func(a, b Change) int { return strings.Compare(a.Path(), b.Path()) })
	return out
}
