package redact

import (
	"slices"
	"sort"
)

// heads tells what may become a pattern with what follows.
type heads struct {
	texts   []string // sorted
	longest int
	pairs   [1 << 10]uint64 // a bit for each two bytes that a text begins with
}

func newHeads(patterns []pattern, is func(pattern) bool) *heads {
	h := &heads{}
	for _, p := range patterns {
		if is(p) {
			h.texts = append(h.texts, p.text)
			h.longest = max(h.longest, len(p.text))
			pair := uint(p.text[0])<<8 | uint(p.text[1])
			h.pairs[pair/64] |= 1 << (pair % 64)
		}
	}
	slices.Sort(h.texts)
	return h
}

// cut is where the longest end of text begins that is the beginning of a
// pattern and not all of it; len(text) when there is none.
func (h *heads) cut(text []byte) int {
	for i := max(0, len(text)-h.longest+1); i < len(text); i++ {
		if i+1 < len(text) {
			pair := uint(text[i])<<8 | uint(text[i+1])
			if h.pairs[pair/64]>>(pair%64)&1 == 0 {
				continue
			}
		}
		if h.begins(text[i:]) {
			return i
		}
	}
	return len(text)
}

// begins tells whether a longer text begins with start.
func (h *heads) begins(start []byte) bool {
	i := sort.Search(len(h.texts), func(i int) bool { return h.texts[i] > string(start) })
	return i < len(h.texts) && len(h.texts[i]) > len(start) && h.texts[i][:len(start)] == string(start)
}
