package probe

import "errors"

// Bounds of a header. A peer that sends more is no health service.
const (
	maxTable   = 4096     // bytes of the dynamic table, as HTTP/2 has it at first
	maxString  = 16 << 10 // bytes of a name or value
	maxFields  = 64 << 10 // bytes of all fields of a header, as field.size counts
	maxInteger = 1 << 24
)

var (
	errHPACK     = errors.New("malformed HPACK")
	errHeaderBig = errors.New("header too large")
)

// A decoder reads the headers of one HTTP/2 connection (RFC 7541).
type decoder struct {
	static  []field
	dynamic []field // the newest last
	size    int     // of dynamic
	limit   int     // of size
	huffman *huffman
}

func newDecoder() *decoder {
	return &decoder{static: staticTable(), limit: maxTable, huffman: newHuffman()}
}

// decode reads a whole header. After an error the decoder is of no more use.
func (d *decoder) decode(block []byte) ([]field, error) {
	var out []field
	total := 0
	for r := (&reader{data: block}); len(r.data) > 0; {
		f, isField, err := d.next(r, len(out) == 0)
		if err != nil {
			return nil, err
		}
		if !isField {
			continue
		}
		if total += f.size(); total > maxFields {
			return nil, errHeaderBig
		}
		out = append(out, f)
	}
	return out, nil
}

// next reads one representation, which may be a change of the table's size.
func (d *decoder) next(r *reader, first bool) (f field, isField bool, err error) {
	switch b := r.data[0]; {
	case b&0x80 != 0: // indexed
		f, err = d.at(r.integer(7))
	case b&0xc0 == 0x40: // literal, to be kept
		if f, err = d.literal(r, 6); err == nil {
			d.keep(f)
		}
	case b&0xe0 == 0x20:
		size := r.integer(5)
		if !first || size < 0 || size > maxTable {
			return f, false, errHPACK
		}
		d.limit = size
		d.evict()
		return f, false, nil
	default: // literal, not to be kept
		f, err = d.literal(r, 4)
	}
	return f, true, err
}

// at is the field with an index in both tables.
func (d *decoder) at(index int) (field, error) {
	switch {
	case index <= 0 || index > len(d.static)+len(d.dynamic):
		return field{}, errHPACK
	case index <= len(d.static):
		return d.static[index-1], nil
	}
	return d.dynamic[len(d.dynamic)-(index-len(d.static))], nil
}

func (d *decoder) literal(r *reader, prefix int) (f field, err error) {
	switch index := r.integer(prefix); {
	case index < 0:
		return f, errHPACK
	case index == 0:
		f.name, err = d.text(r)
	default:
		f, err = d.at(index)
	}
	if err == nil {
		f.value, err = d.text(r)
	}
	return f, err
}

// text reads a string.
func (d *decoder) text(r *reader) (string, error) {
	if len(r.data) == 0 {
		return "", errHPACK
	}
	coded := r.data[0]&0x80 != 0
	n := r.integer(7)
	if n < 0 || n > len(r.data) {
		return "", errHPACK
	}
	if n > maxString {
		return "", errHeaderBig
	}
	raw := r.data[:n]
	r.data = r.data[n:]
	if coded {
		return d.huffman.decode(raw, maxString)
	}
	return string(raw), nil
}

// keep adds f to the dynamic table, which drops its oldest fields for it.
func (d *decoder) keep(f field) {
	d.dynamic = append(d.dynamic, f)
	d.size += f.size()
	d.evict()
}

func (d *decoder) evict() {
	for d.size > d.limit {
		d.size -= d.dynamic[0].size()
		d.dynamic = d.dynamic[1:]
	}
}

// A reader takes integers from the front of data.
type reader struct{ data []byte }

// integer reads one whose first byte holds prefix bits of it, or gives -1.
func (r *reader) integer(prefix int) int {
	if len(r.data) == 0 {
		return -1
	}
	mask := 1<<prefix - 1
	n := int(r.data[0]) & mask
	r.data = r.data[1:]
	if n < mask {
		return n
	}
	for shift := 0; len(r.data) > 0 && shift < 28; shift += 7 {
		b := r.data[0]
		r.data = r.data[1:]
		n += int(b&0x7f) << shift
		if n > maxInteger {
			return -1
		}
		if b&0x80 == 0 {
			return n
		}
	}
	return -1
}

// appendField adds f to a header that it sends: as a literal that nobody keeps,
// without Huffman code.
func appendField(block []byte, f field) []byte {
	block = append(block, 0)
	return appendText(appendText(block, f.name), f.value)
}

func appendText(block []byte, s string) []byte {
	const mask = 0x7f
	if len(s) < mask {
		block = append(block, byte(len(s)))
		return append(block, s...)
	}
	block = append(block, mask)
	n := len(s) - mask
	for ; n >= 0x80; n >>= 7 {
		block = append(block, byte(n)|0x80)
	}
	return append(append(block, byte(n)), s...)
}
