package installed

import (
	"fmt"
	"strings"
)

// maxNamed is how many files of one sort a difference names.
const maxNamed = 10

// Diff says in one line how next differs from l in files, links and modes:
// which changed, which are new and which are gone, ten of each by name. It is
// empty when nothing does. What both have around every name is left out.
func (l List) Diff(next List, around string) string {
	old := map[string]Entry{}
	for _, e := range l {
		old[e.Path] = e
	}
	var changed, added, gone []string
	for _, e := range next {
		was, there := old[e.Path]
		delete(old, e.Path)
		switch name := strings.TrimPrefix(e.Path, around); {
		case e.Kind == Dir && there && was.Kind != Dir:
			gone = append(gone, name)
		case e.Kind == Dir:
		case !there || was.Kind == Dir:
			added = append(added, name)
		case was != e:
			changed = append(changed, name+e.since(was))
		}
	}
	for _, e := range l {
		if _, left := old[e.Path]; left && e.Kind != Dir {
			gone = append(gone, strings.TrimPrefix(e.Path, around))
		}
	}
	var parts []string
	for _, p := range []struct {
		what  string
		names []string
	}{{"changed", changed}, {"new", added}, {"gone", gone}} {
		if len(p.names) > 0 {
			parts = append(parts, p.what+" "+named(p.names))
		}
	}
	return strings.Join(parts, "; ")
}

// since says what of a file changed besides its contents.
func (e Entry) since(was Entry) string {
	switch {
	case e.Kind != was.Kind:
		return " (another kind)"
	case e.Kind == Link:
		return " (to " + e.Target + ")"
	case e.Exec != was.Exec:
		return " (mode " + mode(was.Exec) + " -> " + mode(e.Exec) + ")"
	}
	return ""
}

func named(names []string) string {
	if len(names) <= maxNamed {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:maxNamed], ", "), len(names)-maxNamed)
}
