package redact

import (
	"cmp"
	"encoding/binary"
	"math/bits"
	"slices"
)

// gram is how many bytes are looked at in one place.
const gram = 4

// A filter finds patterns without looking at every byte. Of each pattern it
// knows one window, all of one size. Whoever looks at gram bytes every stride
// bytes looks into every window, as a window holds stride places to look at.
// A bitmap tells at once that those bytes are in no window.
type filter struct {
	stride  int
	shift   uint     // of a hash to a bit of the map
	grams   []uint64 // the map
	slots   []int32  // by the first 8 bytes of a window: 1 + an index in windows, or 0
	windows []window // those with the same first 8 bytes follow each other
}

type window struct {
	head    uint64
	pattern int32
	last    bool // of those with this head
}

// newFilter chooses a window for each pattern.
func newFilter(patterns []pattern) filter {
	size := len(slices.MinFunc(patterns, func(a, b pattern) int { return cmp.Compare(len(a.text), len(b.text)) }).text)
	f := filter{stride: size - gram + 1}
	wide := bits.Len(uint(32 * f.stride * len(patterns))) // 32 bits for each gram keep the others out
	f.shift = uint(32 - min(max(wide, 10), 24))
	f.grams = make([]uint64, 1<<(32-f.shift)/64)
	common := countGrams(patterns)
	for i := range patterns {
		p := &patterns[i]
		p.window = common.rarest(p.text, f.stride)
		for at := p.window; at < p.window+f.stride; at++ {
			h := hash(binary.LittleEndian.Uint32([]byte(p.text[at:at+gram]))) >> f.shift
			f.grams[h/64] |= 1 << (h % 64)
		}
		f.windows = append(f.windows, window{head: head(p.text[p.window:]), pattern: int32(i)})
	}
	f.index()
	return f
}

func head(text string) uint64 { return binary.LittleEndian.Uint64([]byte(text[:8])) }

// index makes windows be found by their heads.
func (f *filter) index() {
	slices.SortFunc(f.windows, func(a, b window) int {
		return cmp.Or(cmp.Compare(a.head, b.head), cmp.Compare(a.pattern, b.pattern))
	})
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

func hash(gram uint32) uint32 { return gram * 0x9E3779B1 }

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
	grams, stride, shift := f.grams, f.stride, f.shift&31
	for ; at+3*stride+gram <= len(text); at += 4 * stride {
		a := hash(binary.LittleEndian.Uint32(text[at:])) >> shift
		b := hash(binary.LittleEndian.Uint32(text[at+stride:])) >> shift
		c := hash(binary.LittleEndian.Uint32(text[at+2*stride:])) >> shift
		d := hash(binary.LittleEndian.Uint32(text[at+3*stride:])) >> shift
		if (grams[a/64]>>(a%64)|grams[b/64]>>(b%64)|grams[c/64]>>(c%64)|grams[d/64]>>(d%64))&1 != 0 {
			break
		}
	}
	for ; at+gram <= len(text); at += stride {
		h := hash(binary.LittleEndian.Uint32(text[at:])) >> shift
		if grams[h/64]>>(h%64)&1 != 0 {
			return at
		}
	}
	return -1
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

// A census counts grams by their hash.
type census []uint16

const censusBits = 14

func countGrams(patterns []pattern) census {
	c := make(census, 1<<censusBits)
	for _, p := range patterns {
		for at := range len(p.text) - gram + 1 {
			if n := c.of(p.text, at); *n < 1<<15 {
				*n++
			}
		}
	}
	return c
}

func (c census) of(text string, at int) *uint16 {
	return &c[hash(binary.LittleEndian.Uint32([]byte(text[at:at+gram])))>>(32-censusBits)]
}

// rarest is where the window of text begins whose stride grams are the least
// likely ones, in the other patterns and in what people write.
func (c census) rarest(text string, stride int) (best int) {
	sum, least := 0, 0
	for at := range len(text) - gram + 1 {
		sum += c.weight(text, at)
		if at >= stride {
			sum -= c.weight(text, at-stride)
		}
		if first := at - stride + 1; first == 0 || first > 0 && sum < least {
			best, least = first, sum
		}
	}
	return best
}

// weight is higher for what is seen often. Words are lower case as a rule.
func (c census) weight(text string, at int) int {
	weight := 8 * int(*c.of(text, at))
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
