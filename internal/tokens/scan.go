package tokens

import (
	"bytes"
	"math"
	"strings"
)

// reach is how far a token is looked at, in bytes: no format needs more.
const reach = 512

// A Finding is one token.
type Finding struct {
	What string // such as: a token of GitHub
	Line int    // from 1
}

// Formats are the known ones, ready to be looked for. They do not change.
type Formats struct {
	list   []format
	first  [1 << 16]uint8 // by the two bytes that a text starts with: a place in groups
	groups [][]int        // formats that start alike; the first group is empty
}

// NewFormats makes the known formats ready.
func NewFormats() *Formats {
	f := &Formats{list: formats(), groups: [][]int{nil}}
	for i, one := range f.list {
		at := int(one.start[0])<<8 | int(one.start[1])
		if f.first[at] == 0 {
			f.first[at] = uint8(len(f.groups))
			f.groups = append(f.groups, nil)
		}
		f.groups[f.first[at]] = append(f.groups[f.first[at]], i)
	}
	return f
}

// Scanner gives a Scanner of one file.
func (f *Formats) Scanner() *Scanner { return &Scanner{formats: f, line: 1, before: '\n'} }

// A Scanner is written a file's contents, and keeps the first token of each
// kind. Its zero value is not ready.
type Scanner struct {
	Findings []Finding

	formats *Formats
	kept    []byte // what a token could begin in that goes on in the next write
	before  byte   // the byte before that
	line    int
}

// Write takes the next part. It gives no error.
func (s *Scanner) Write(b []byte) (int, error) {
	n := len(b)
	s.kept = append(s.kept, b...)
	if len(s.kept) > 2*reach {
		s.scan(len(s.kept) - reach)
	}
	return n, nil
}

// Close looks at what is left. It gives no error.
func (s *Scanner) Close() error {
	s.scan(len(s.kept))
	return nil
}

// scan looks for tokens that begin in the first bytes that are kept, and lets
// go of those.
func (s *Scanner) scan(end int) {
	text := s.kept
	for i := 0; i < end && i+1 < len(text); i++ {
		group := s.formats.first[int(text[i])<<8|int(text[i+1])]
		if group == 0 {
			continue
		}
		for _, f := range s.formats.groups[group] {
			one := &s.formats.list[f]
			if len(text)-i >= len(one.start) && string(text[i:i+len(one.start)]) == one.start {
				s.meet(one, i)
			}
		}
	}
	if end > 0 {
		s.line += bytes.Count(text[:end], []byte{'\n'})
		s.before = text[end-1]
	}
	s.kept = append(s.kept[:0], text[end:]...)
}

// meet looks whether a token of the format stands at i.
func (s *Scanner) meet(f *format, i int) {
	before := s.before
	if i > 0 {
		before = s.kept[i-1]
	}
	if !f.plain && isWord(before) {
		return
	}
	rest := s.kept[i+len(f.start):]
	rest = rest[:min(len(rest), reach-len(f.start))]
	n := 0
	for n < len(rest) && f.rest[rest[n]] {
		n++
	}
	if n < f.least || f.most > 0 && n > f.most || !f.plain && n < len(rest) && isWord(rest[n]) {
		return
	}
	token := string(rest[:n])
	if f.also != nil && !f.also(token) || f.also == nil && placeholder(token) {
		return
	}
	for _, known := range s.Findings {
		if known.What == f.what {
			return
		}
	}
	s.Findings = append(s.Findings, Finding{f.what, s.line + bytes.Count(s.kept[:i], []byte{'\n'})})
}

func isWord(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'A' && b <= 'Z' || b >= 'a' && b <= 'z' || b == '_'
}

// placeholder says that a text only shows what a token looks like: it says so,
// or holds too little chance, in bits a character, to be one.
func placeholder(token string) bool {
	lower := strings.ToLower(token)
	for _, word := range []string{"example", "placeholder", "your", "xxxx", "redacted", "changeme", "0000000", "1234567", "abcdefg"} {
		if strings.Contains(lower, word) {
			return true
		}
	}
	return entropy(token) < 2.8
}

// entropy is Shannon's, in bits a character.
func entropy(text string) float64 {
	var counts [256]int
	for i := range len(text) {
		counts[text[i]]++
	}
	bits := 0.0
	for _, n := range counts {
		if n > 0 {
			p := float64(n) / float64(len(text))
			bits -= p * math.Log2(p)
		}
	}
	return bits
}
