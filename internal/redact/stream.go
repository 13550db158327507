package redact

import (
	"cmp"
	"sort"
)

// A Stream redacts what comes piece by piece. The zero Stream changes nothing
// until it is told what to hide.
type Stream struct {
	set *Set
	// covered is how many bytes at the beginning of what comes next belong to a
	// secret whose mark is out already.
	covered int
}

// Stream begins a stream.
func (s *Set) Stream() *Stream { return &Stream{set: s} }

// Hide has the stream hide the secrets of set from now on.
func (r *Stream) Hide(set *Set) { r.set = set }

// Take gives what can be said of text, without the secrets, and how many bytes
// of text that is. The rest may be the beginning of a secret: it is to come
// again, before what follows it. At the end there is no rest. safe is a part of
// text where nothing was found, or else memory of its own. However a stream is
// cut into pieces, it becomes the same.
func (r *Stream) Take(text []byte, end bool) (safe []byte, taken int) {
	if r.set == nil {
		return text, len(text)
	}
	found := r.set.matches(text, end)
	cut := len(text)
	if !end {
		cut = r.set.keep(text, found)
	}
	if len(found) == 0 && r.covered == 0 {
		return text[:cut], cut
	}
	return r.replace(text, found, cut), cut
}

// A match is a pattern and the neighbours that hold bits of it.
type match struct {
	from, to int
	pattern  *pattern
	open     bool // the neighbour after it has not come yet
}

// matches are all places where a pattern stands: the first ones first, of those
// that begin together the longest.
func (s *Set) matches(text []byte, end bool) (found []match) {
	s.filter.find(text, func(i, window int) bool {
		if m, ok := s.match(text, i, window); ok {
			m.open = m.open && !end
			found = append(found, m)
		}
		return true
	})
	if len(found) > 1 {
		sort.Sort(byPlace(found))
	}
	return found
}

// byPlace sorts matches. The sort of package slices would be written once more
// for them, and be 10 KB of sandwright-init.
type byPlace []match

func (m byPlace) Len() int      { return len(m) }
func (m byPlace) Swap(i, j int) { m[i], m[j] = m[j], m[i] }
func (m byPlace) Less(i, j int) bool {
	a, b := m[i], m[j]
	return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(b.to, a.to), cmp.Compare(a.pattern.secret, b.pattern.secret)) < 0
}

// match compares the pattern whose window is at a place.
func (s *Set) match(text []byte, i, window int) (match, bool) {
	p := &s.patterns[i]
	from := window - p.window
	to := from + len(p.text)
	if from < 0 || to > len(text) || string(text[from:to]) != p.text {
		return match{}, false
	}
	m := match{from: from, to: to, pattern: p, open: p.after && to == len(text)}
	if p.before && from > 0 && inBase64(text[from-1]) {
		m.from--
	}
	if p.after && to < len(text) && inBase64(text[to]) {
		m.to++
	}
	return m, true
}

func inBase64(b byte) bool {
	return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' || b == '+' || b == '/' || b == '-' || b == '_'
}

// keep is from where on text has to wait for what follows. After a newline only
// patterns with one can go on.
func (s *Set) keep(text []byte, found []match) int {
	if len(text) == 0 {
		return 0
	}
	heads := s.any
	if text[len(text)-1] == '\n' {
		heads = s.lines
	}
	cut := heads.cut(text)
	if cut > 0 && inBase64(text[cut-1]) {
		cut-- // it may hold bits of what follows
	}
	for _, m := range found {
		if m.open {
			cut = min(cut, m.from)
		}
	}
	return cut
}

// replace makes text[:cut] safe. A run of matches that overlap becomes one
// mark; one that goes on behind the cut is covered from there on.
func (r *Stream) replace(text []byte, found []match, cut int) []byte {
	safe := make([]byte, 0, len(text)+64)
	done := min(r.covered, cut) // of text
	run := r.covered            // where the run of matches ends
	for _, m := range found {
		if m.from >= run {
			if m.from >= cut {
				break
			}
			safe = append(safe, text[max(done, run):m.from]...)
			safe = append(safe, r.set.marks[m.pattern.secret]...)
		}
		run = max(run, m.to)
		done = run
	}
	if run < cut {
		safe = append(safe, text[run:cut]...)
	}
	r.covered = max(run-cut, 0)
	return safe
}
