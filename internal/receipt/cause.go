package receipt

import (
	"maps"
	"slices"
	"strings"
)

// A Change is what became of a part.
type Change string

// The changes there are.
const (
	Changed Change = "changed"
	Added   Change = "added"
	Removed Change = "removed"
	Again   Change = "runs again" // of a layer that another stands on
	Undone  Change = "did not end"
)

// A Cause is one file, or a part of one, that differs.
type Cause struct {
	File   string `json:"file,omitempty"`  // of the workspace, or a name for people
	Field  string `json:"field,omitempty"` // the part; empty: the file as a whole
	Change Change `json:"change"`
	From   string `json:"from,omitempty"` // empty where it was not there, or is not told
	To     string `json:"to,omitempty"`
}

// String says it in one line: dependencies.zod ^3.1 → ^3.2 in apps/web/package.json.
// Names are those of the repository, control characters with them.
func (c Cause) String() string {
	if c.Field == "" {
		return c.File + " " + string(c.Change)
	}
	place := " in " + c.File
	switch {
	case c.Change == Added && c.To != "":
		return c.Field + " " + c.To + " added" + place
	case c.Change == Removed:
		return c.Field + " removed from " + c.File
	case c.From != "" && c.To != "":
		return c.Field + " " + c.From + " → " + c.To + place
	}
	return c.Field + " " + string(c.Change) + place
}

// Causes gives what decides l and differs from what decided old, in the order
// of files and then of fields. None says that l is what old is.
func (l Layer) Causes(old Layer) []Cause {
	before := map[string]File{}
	for _, f := range old.Files {
		before[f.Path] = f
	}
	var out []Cause
	for _, f := range l.Files {
		was, ok := before[f.Path]
		delete(before, f.Path)
		switch {
		case !ok:
			out = append(out, f.whole(Added)...)
		case f.Kind == Tree && was.Kind == Tree:
			out = append(out, f.treeCauses(was)...)
		default:
			out = append(out, f.causes(was)...)
		}
	}
	for _, p := range slices.Sorted(maps.Keys(before)) {
		out = append(out, before[p].whole(Removed)...)
	}
	if len(out) == 0 && !slices.EqualFunc(l.Run, old.Run, sameCommand) {
		out = []Cause{{File: "its command", Change: Changed}}
	}
	slices.SortStableFunc(out, func(a, b Cause) int { return strings.Compare(a.File, b.File) })
	return out
}

// sameCommand compares what no file of the layer tells.
func sameCommand(a, b Step) bool { return slices.Equal(a.Argv, b.Argv) }

// whole is a file that came or went; of what is said, each field of it.
func (f File) whole(change Change) (out []Cause) {
	if f.Kind != Said {
		return []Cause{{File: f.Path, Change: change}}
	}
	for _, field := range slices.Sorted(maps.Keys(f.Fields)) {
		c := Cause{File: f.Path, Field: field, Change: change}
		if change == Added {
			c.To = told(f.Fields[field])
		}
		out = append(out, c)
	}
	return out
}

// causes are the fields that differ, or the file where no field tells it.
func (f File) causes(was File) (out []Cause) {
	if f.Kind == was.Kind && f.Decides() == was.Decides() && f.Kind != Said {
		return nil
	}
	names := map[string]bool{}
	for name := range f.Fields {
		names[name] = true
	}
	for name := range was.Fields {
		names[name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		from, had := was.Fields[name]
		to, has := f.Fields[name]
		switch {
		case !had:
			out = append(out, Cause{f.Path, name, Added, "", told(to)})
		case !has:
			out = append(out, Cause{f.Path, name, Removed, told(from), ""})
		case from != to:
			out = append(out, Cause{f.Path, name, Changed, told(from), told(to)})
		}
	}
	if len(out) == 0 && (f.Kind != Said || was.Kind != Said) {
		out = []Cause{{File: f.Path, Change: Changed}}
	}
	return out
}

// told is a value for people; a hash says nothing to them.
func told(value string) string {
	if strings.HasPrefix(value, "#") {
		return ""
	}
	return value
}
