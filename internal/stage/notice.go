package stage

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sandwright/sandwright/internal/fault"
)

// A Notice says what was left out, kept in spite of something, or is worth a
// look. It stops nothing.
type Notice struct {
	Path   string // any bytes; empty where it is about the whole tree
	Kind   string // file, dir, link, fifo, socket, device or repository; may be empty
	What   string // what became of it: left out, kept, …
	Reason string
	Hop    string // the link on the way that decides, where that is another one
	Each   bool   // it sums up what the entries say themselves, by Dropped
}

// String is the notice as one line, with its path escaped.
func (n Notice) String() string {
	if n.Path == "" {
		return n.Reason
	}
	return n.What + " " + show(n.Path) + ": " + n.Reason
}

// A Refusal is one name that must not be staged. While there is one, nothing of
// the tree can be read.
type Refusal struct {
	Path   string // any bytes
	Kind   string // file, dir or link
	Reason string
	Own    string // what a link itself points to
	Hop    string // the link whose target leaves; Path itself unless another is on the way
	Target string // what the hop points to
	Hint   string // what to type
}

// Fault is the refusal as an error for people.
func (r Refusal) Fault() *fault.Fault {
	p := show(r.Path)
	if len(r.Path) >= maxPath {
		p = show(r.Path[:64]) + "…"
	}
	return fault.Cannot("stage %s: %s", p, r.Reason).WithHint("%s", r.Hint)
}

// byPath sorts what is said of paths, each thing once.
func byPath[T comparable](list []T, path func(T) string, text func(T) string) []T {
	slices.SortFunc(list, func(a, b T) int {
		return cmp.Or(comparePath(path(a), path(b)), cmp.Compare(text(a), text(b)))
	})
	return slices.Compact(list)
}

// Show is a path as messages write it: plain where that is unambiguous.
func Show(path string) string { return show(path) }

// Pattern is a path as a rule of the file writes it.
func Pattern(path string) string { return pattern(path) }

// Compare orders paths as Entries are.
func Compare(a, b string) int { return comparePath(a, b) }

// show is a path as messages write it: plain where that is unambiguous.
func show(path string) string {
	if q := strconv.Quote(path); q[1:len(q)-1] != path || strings.Contains(path, " ") || path == "" {
		return q
	}
	return path
}

// pattern is a path as a rule of the file writes it, so that it matches that
// path. What YAML cannot hold becomes a ?, and so does a space at either end,
// which patterns lose.
func pattern(path string) string {
	var out strings.Builder
	for i := 0; i < len(path); {
		r, size := utf8.DecodeRuneInString(path[i:])
		switch {
		case r == utf8.RuneError && size == 1, unicode.IsControl(r), unicode.IsSpace(r) && (i == 0 || i+size == len(path)):
			out.WriteByte('?')
		case strings.ContainsRune(`*?[]\!`, r):
			out.WriteString(`\` + path[i:i+size])
		default:
			out.WriteString(path[i : i+size])
		}
		i += size
	}
	return strconv.Quote(out.String())
}
