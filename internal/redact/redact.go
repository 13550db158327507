// Package redact finds the values of secrets in what is written, and puts
// `[redacted NAME]` in their place. A value is known as it is, in base64 at all
// three alignments, URL-escaped and JSON-escaped. Standard library only.
package redact

import (
	"maps"
	"slices"
	"strings"
)

// MinLength is how many bytes a value must have to be known, without the space
// around it: shorter ones would be found in much that is harmless.
const MinLength = 8

// A Set is secrets that are known. It does not change, so it may be used from
// any goroutine. The nil Set knows none.
type Set struct {
	patterns []pattern
	filter   filter
	any      *heads   // of all patterns
	lines    *heads   // of those that hold a newline
	names    []string // sorted
	marks    []string // for each name
}

// A pattern is one form of one value.
type pattern struct {
	text          string
	secret        int  // index in names
	before, after bool // as in form
	window        int  // offset of the part that the filter knows
}

// New knows values, each by the name of its variable.
func New(values map[string]string) *Set {
	names := slices.Sorted(maps.Keys(values))
	s := &Set{names: names}
	known := map[string]bool{}
	for i, name := range names {
		for _, f := range forms(values[name]) {
			if !known[f.text] {
				known[f.text] = true
				s.patterns = append(s.patterns, pattern{text: f.text, secret: i, before: f.before, after: f.after})
			}
		}
	}
	if len(s.patterns) == 0 {
		return nil
	}
	s.filter = newFilter(s.patterns)
	s.any = newHeads(s.patterns, func(pattern) bool { return true })
	s.lines = newHeads(s.patterns, func(p pattern) bool { return strings.Contains(p.text, "\n") })
	s.marks = marks(names, s.patterns)
	return s
}

// Keeps is how many bytes of a stream are kept back at most.
func (s *Set) Keeps() int {
	if s == nil {
		return 0
	}
	return s.any.longest + 1
}

// Text is text without the secrets in it.
func (s *Set) Text(text string) string {
	if s == nil || len(text) < MinLength {
		return text
	}
	stream := s.Stream()
	safe, _ := stream.Take([]byte(text), true)
	return string(safe)
}
