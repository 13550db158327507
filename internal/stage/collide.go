package stage

import (
	"hash/maphash"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// collisions notices names in one folder that differ only in case or in the
// way Unicode composes a letter: on many laptops they are one file.
func (w *walker) collisions() {
	hashes := w.nameHashes()
	twice := repeated(hashes)
	if len(twice) == 0 {
		return
	}
	first := map[string]string{}
	for i, e := range w.entries {
		if !twice[hashes[i]] {
			continue
		}
		dir, name := split(e.Path)
		key := dir + "/" + foldName(name)
		if other, ok := first[key]; ok {
			w.notices = append(w.notices, Notice{Path: e.Path, Kind: e.Kind.String(), What: "kept",
				Reason: "it is the same as " + show(other) + " where case or Unicode's forms do not count", Hop: other})
		} else {
			first[key] = e.Path
		}
	}
}

// repeated gives the hashes that are there more than once, from a table that is
// half empty.
func repeated(hashes []uint64) map[uint64]bool {
	twice := map[uint64]bool{}
	size := uint64(1)
	for size < 2*uint64(len(hashes)) {
		size *= 2
	}
	table := make([]uint64, size)
	for _, h := range hashes {
		at := h >> 1 & (size - 1)
		for table[at] != 0 && table[at] != h {
			at = (at + 1) & (size - 1)
		}
		if table[at] == h {
			twice[h] = true
		}
		table[at] = h
	}
	return twice
}

// nameHashes hashes the folder of each entry as it is, and its name folded.
func (w *walker) nameHashes() []uint64 {
	hashes, seed := make([]uint64, len(w.entries)), maphash.MakeSeed()
	buf := make([]byte, 0, maxPath)
	for i := range w.entries {
		p := w.entries[i].Path
		name := strings.LastIndexByte(p, '/') + 1
		buf = append(buf[:0], p...)
		for at := name; at < len(buf); at++ {
			switch c := buf[at]; {
			case c >= utf8.RuneSelf:
				buf = append(buf[:name], foldName(p[name:])...)
				at = len(buf)
			case 'A' <= c && c <= 'Z':
				buf[at] = c + 'a' - 'A'
			}
		}
		hashes[i] = maphash.Bytes(seed, buf) | 1
	}
	return hashes
}

// foldName gives names that differ in case or composition alone one form. What
// is not UTF-8 has no case but that of ASCII.
func foldName(name string) string {
	if !utf8.ValidString(name) {
		return lowerASCII(name)
	}
	return norm.NFC.String(cases.Fold().String(strings.ToUpper(norm.NFD.String(name))))
}

func lowerASCII(name string) string {
	b := []byte(name)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}
