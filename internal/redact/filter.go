package redact

import (
	"encoding/binary"
	"math/bits"
	"sort"
)

// gram is how many bytes are looked at in one place.
const gram = 4

// A filter finds patterns without looking at every byte. Of each pattern it
// knows one window, all of one size. Whoever looks at gram bytes every stride
// bytes looks into every window, as a window holds stride places to look at.
// Two bitmaps tell that those bytes are in no window, the first one at once.
type filter struct {
	stride  int
	first   *bitmap
	second  *bitmap
	slots   []int32  // by the first 8 bytes of a window: 1 + an index in windows, or 0
	windows []window // those with the same first 8 bytes follow each other
}

// A bitmap is small enough to stay in a processor's first cache.
type bitmap [1 << (bitmapBits - 6)]uint64

const bitmapBits = 17

func (b *bitmap) has(bit uint32) bool { return b[bit/64]>>(bit%64)&1 != 0 }

func (b *bitmap) set(bit uint32) { b[bit/64] |= 1 << (bit % 64) }

// hash is a gram's bit in the first bitmap, hash2 that in the second.
func hash(gram uint32) uint32 { return gram * 0x9E3779B1 >> (32 - bitmapBits) }

func hash2(gram uint32) uint32 { return gram * 0x85EBCA77 >> (32 - bitmapBits) }

func gramOf(text string, at int) uint32 {
	return binary.LittleEndian.Uint32([]byte(text[at : at+gram]))
}

type window struct {
	head    uint64
	pattern int32
	last    bool // of those with this head
}

// newFilter chooses a window for each pattern.
func newFilter(patterns []pattern) filter {
	size := len(patterns[0].text)
	for i := range patterns {
		size = min(size, len(patterns[i].text))
	}
	f := filter{stride: size - gram + 1, first: new(bitmap), second: new(bitmap)}
	common := countGrams(patterns)
	for i := range patterns {
		p := &patterns[i]
		p.window = f.choose(p.text, common)
		for at := p.window; at < p.window+f.stride; at++ {
			g := gramOf(p.text, at)
			f.first.set(hash(g))
			f.second.set(hash2(g))
		}
		f.windows = append(f.windows, window{head: head(p.text[p.window:]), pattern: int32(i)})
	}
	f.index()
	return f
}

// choose gives where the window of text begins whose grams are the least likely
// ones, in the other secrets and in what people write. Those that the forms
// before have brought in cost nothing.
func (f *filter) choose(text string, common census) (best int) {
	weight := func(at int) int {
		if g := gramOf(text, at); f.first.has(hash(g)) && f.second.has(hash2(g)) {
			return 1
		}
		return common.weight(text, at)
	}
	sum, least := 0, 0
	for at := range len(text) - gram + 1 {
		sum += weight(at)
		if at >= f.stride {
			sum -= weight(at - f.stride)
		}
		if first := at - f.stride + 1; first == 0 || first > 0 && sum < least {
			best, least = first, sum
		}
	}
	return best
}

func head(text string) uint64 { return binary.LittleEndian.Uint64([]byte(text[:8])) }

// index makes windows be found by their heads.
func (f *filter) index() {
	sort.Sort(byHead(f.windows))
	f.slots = make([]int32, 1<<bits.Len(uint(2*len(f.windows))))
	for i := range f.windows {
		w := &f.windows[i]
		w.last = i+1 == len(f.windows) || f.windows[i+1].head != w.head
		if i > 0 && f.windows[i-1].head == w.head {
			continue
		}
		slot := hash64(w.head) & (len(f.slots) - 1)
		for f.slots[slot] != 0 {
			slot = (slot + 1) & (len(f.slots) - 1)
		}
		f.slots[slot] = int32(i + 1)
	}
}

// byHead sorts windows by their heads and then by their patterns. As a
// sort.Interface it needs no code of its own in sandwright-init, which is small.
type byHead []window

func (w byHead) Len() int      { return len(w) }
func (w byHead) Swap(i, j int) { w[i], w[j] = w[j], w[i] }
func (w byHead) Less(i, j int) bool {
	return w[i].head < w[j].head || w[i].head == w[j].head && w[i].pattern < w[j].pattern
}

func hash64(head uint64) int { return int(head * 0x9E3779B97F4A7C15 >> 33) }

// find calls each with the index of every pattern whose window may stand at a
// place in text, until each is false.
func (f *filter) find(text []byte, each func(pattern, window int) bool) {
	for at := f.next(text, 0); at >= 0; at = f.next(text, at+f.stride) {
		for from := max(at-f.stride+1, 0); from <= at && from+8 <= len(text); from++ {
			if !f.at(binary.LittleEndian.Uint64(text[from:]), from, each) {
				return
			}
		}
	}
}

// next is the first place from at on, in steps of stride, where a gram of a
// window may stand; -1 when there is none.
func (f *filter) next(text []byte, at int) int {
	for {
		if f.stride == densest {
			at = f.first.skip(text, at)
		}
		end := min(at+4*f.stride, len(text)-gram+1)
		for ; at < end; at += f.stride {
			g := binary.LittleEndian.Uint32(text[at:])
			if f.first.has(hash(g)) && f.second.has(hash2(g)) {
				return at
			}
		}
		if at+gram > len(text) {
			return -1
		}
	}
}

// densest is the stride when a pattern is as short as may be. There is most to
// do, so that skip knows it by heart.
const densest = MinLength - gram + 1

// skip moves over text that has no gram of the map, four places at a time.
func (b *bitmap) skip(text []byte, at int) int {
	for ; at+3*densest+gram <= len(text); at += 4 * densest {
		four := (*[3*densest + gram]byte)(text[at:])
		if b.has(hash(binary.LittleEndian.Uint32(four[:]))) ||
			b.has(hash(binary.LittleEndian.Uint32(four[densest:]))) ||
			b.has(hash(binary.LittleEndian.Uint32(four[2*densest:]))) ||
			b.has(hash(binary.LittleEndian.Uint32(four[3*densest:]))) {
			break
		}
	}
	return at
}

// at calls each for the windows that begin with head.
func (f *filter) at(head uint64, from int, each func(pattern, window int) bool) bool {
	slot := hash64(head) & (len(f.slots) - 1)
	for f.slots[slot] != 0 {
		i := f.slots[slot] - 1
		if f.windows[i].head != head {
			slot = (slot + 1) & (len(f.slots) - 1)
			continue
		}
		for ; ; i++ {
			if !each(int(f.windows[i].pattern), from) {
				return false
			}
			if f.windows[i].last {
				return true
			}
		}
	}
	return true
}

// A census counts, by their hash, the secrets that have a gram.
type census struct {
	count []uint16
	last  []int32 // the secret that was counted last, and 1
}

const censusBits = 14

func countGrams(patterns []pattern) census {
	c := census{make([]uint16, 1<<censusBits), make([]int32, 1<<censusBits)}
	for _, p := range patterns {
		for at := range len(p.text) - gram + 1 {
			slot := hash(gramOf(p.text, at)) >> (bitmapBits - censusBits)
			if secret := int32(p.secret + 1); c.last[slot] != secret {
				c.last[slot] = secret
				c.count[slot] += min(1, 1<<15-c.count[slot])
			}
		}
	}
	return c
}

// weight is higher for what is seen often. Words are lower case as a rule.
func (c census) weight(text string, at int) int {
	weight := 8 * int(c.count[hash(gramOf(text, at))>>(bitmapBits-censusBits)])
	for _, b := range []byte(text[at : at+gram]) {
		switch {
		case 'a' <= b && b <= 'z' || b == ' ':
			weight += 2
		case b < '0' || b > '9' && b < 'A':
			weight++
		}
	}
	return weight
}
