package probe

import "errors"

// huffmanLengths is the length in bits of the Huffman code of each byte and,
// last, of the end of a string (RFC 7541, appendix B). The code is canonical:
// the lengths are all there is to know.
const huffmanLengths = "" +
	"\x0d\x17\x1c\x1c\x1c\x1c\x1c\x1c\x1c\x18\x1e\x1c\x1c\x1e\x1c\x1c" +
	"\x1c\x1c\x1c\x1c\x1c\x1c\x1e\x1c\x1c\x1c\x1c\x1c\x1c\x1c\x1c\x1c" +
	"\x06\x0a\x0a\x0c\x0d\x06\x08\x0b\x0a\x0a\x08\x0b\x08\x06\x06\x06" +
	"\x05\x05\x05\x06\x06\x06\x06\x06\x06\x06\x07\x08\x0f\x06\x0c\x0a" +
	"\x0d\x06\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07" +
	"\x07\x07\x07\x07\x07\x07\x07\x07\x08\x07\x08\x0d\x13\x0d\x0e\x06" +
	"\x0f\x05\x06\x05\x06\x05\x06\x06\x06\x05\x07\x07\x06\x06\x06\x05" +
	"\x06\x07\x06\x05\x05\x06\x07\x07\x07\x07\x07\x0f\x0b\x0e\x0d\x1c" +
	"\x14\x16\x14\x14\x16\x16\x16\x17\x16\x17\x17\x17\x17\x17\x18\x17" +
	"\x18\x18\x16\x17\x18\x17\x17\x17\x17\x15\x16\x17\x16\x17\x17\x18" +
	"\x16\x15\x14\x16\x16\x17\x17\x15\x17\x16\x16\x18\x15\x16\x17\x17" +
	"\x15\x15\x16\x15\x17\x16\x17\x17\x14\x16\x16\x16\x17\x16\x16\x17" +
	"\x1a\x1a\x14\x13\x16\x17\x16\x19\x1a\x1a\x1a\x1b\x1b\x1a\x18\x19" +
	"\x13\x15\x1a\x1b\x1b\x1a\x1b\x18\x15\x15\x1a\x1a\x1c\x1b\x1b\x1b" +
	"\x14\x18\x14\x15\x16\x15\x15\x17\x16\x16\x19\x19\x18\x18\x1a\x17" +
	"\x1a\x1b\x1a\x1a\x1b\x1b\x1b\x1b\x1b\x1c\x1b\x1b\x1b\x1b\x1b\x1a" +
	"\x1e"

const (
	huffmanEnd = 256 // the symbol of the end, which no string holds
	huffmanMax = 30  // bits of the longest code
)

// A huffman decodes strings of HPACK.
type huffman struct {
	symbols []int               // by code
	count   [huffmanMax + 1]int // codes of each length
}

func newHuffman() *huffman {
	h := &huffman{symbols: make([]int, 0, len(huffmanLengths))}
	for bits := 1; bits <= huffmanMax; bits++ {
		for symbol := range len(huffmanLengths) {
			if int(huffmanLengths[symbol]) == bits {
				h.symbols = append(h.symbols, symbol)
				h.count[bits]++
			}
		}
	}
	return h
}

var errHuffman = errors.New("malformed Huffman code")

// decode gives at most limit bytes. What is left of the last byte must be the
// beginning of the code of the end: less than a byte of ones.
func (h *huffman) decode(data []byte, limit int) (string, error) {
	var out []byte
	code, first, index, bits, ones := 0, 0, 0, 0, true
	for i := range len(data) * 8 {
		bit := int(data[i/8]>>(7-i%8)) & 1
		code, bits, ones = code<<1|bit, bits+1, ones && bit == 1
		first <<= 1
		if bits > huffmanMax {
			return "", errHuffman
		}
		if at := code - first; at < h.count[bits] {
			symbol := h.symbols[index+at]
			if symbol == huffmanEnd || len(out) == limit {
				return "", errHuffman
			}
			out = append(out, byte(symbol))
			code, first, index, bits, ones = 0, 0, 0, 0, true
			continue
		}
		first += h.count[bits]
		index += h.count[bits]
	}
	if bits > 7 || !ones {
		return "", errHuffman
	}
	return string(out), nil
}
