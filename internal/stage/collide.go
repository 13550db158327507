package stage

import (
	"hash/maphash"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// collisions notices names in one folder that differ only in case or in the
// way Unicode composes a letter: on many laptops they are one file.
func (w *walker) collisions() {
	hashes := w.nameHashes()
	sorted := slices.Clone(hashes)
	slices.Sort(sorted)
	twice := map[uint64]bool{}
	for i := 1; i < len(sorted); i++ {
		if sorted[i] == sorted[i-1] {
			twice[sorted[i]] = true
		}
	}
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
		hashes[i] = maphash.Bytes(seed, buf)
	}
	return hashes
}

// foldName gives names that differ in case or composition alone one form.
func foldName(name string) string {
	return norm.NFC.String(strings.ToLower(strings.ToUpper(norm.NFD.String(name))))
}
