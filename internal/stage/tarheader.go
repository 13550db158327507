package stage

import (
	"fmt"
	"path"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	blockSize  = 512
	maxOctal7  = 1<<21 - 1
	maxOctal11 = 1<<33 - 1
)

// A tarHeader is one entry of a tar as POSIX.1-1988 (ustar) has it, with
// records of POSIX.1-2001 (pax) before it for what does not fit.
type tarHeader struct {
	kind     byte // '0' file, '5' folder, '2' link
	name     string
	target   string
	mode     uint32
	uid, gid uint32
	size     int64 // of the data that follows
	time     int64 // seconds
	records  []string
}

// append writes the header and what goes before it.
func (h *tarHeader) append(b []byte) []byte {
	prefix, name, fits := splitName(h.name)
	if !fits {
		h.record("path", h.name)
	}
	if len(h.target) > 100 {
		h.record("linkpath", h.target)
	}
	h.number("size", h.size, maxOctal11)
	h.number("uid", int64(h.uid), maxOctal7)
	h.number("gid", int64(h.gid), maxOctal7)
	if len(h.records) > 0 {
		b = h.appendRecords(b)
	}
	return appendBlock(b, h, prefix, name)
}

// record adds a pax record. A value in other bytes than UTF-8 is marked.
func (h *tarHeader) record(key, value string) {
	if !utf8.ValidString(value) && !strings.Contains(strings.Join(h.records, ""), " hdrcharset=") {
		h.records = append([]string{paxRecord("hdrcharset", "BINARY")}, h.records...)
	}
	h.records = append(h.records, paxRecord(key, value))
}

// number adds a record of a number that no field holds.
func (h *tarHeader) number(key string, n, most int64) {
	if n > most {
		h.record(key, strconv.FormatInt(n, 10))
	}
}

// paxRecord is "LENGTH KEY=VALUE\n", where the length counts itself.
func paxRecord(key, value string) string {
	n := len(key) + len(value) + 3
	size := n + len(strconv.Itoa(n))
	if full := n + len(strconv.Itoa(size)); full != size {
		size = full
	}
	return fmt.Sprintf("%d %s=%s\n", size, key, value)
}

func (h *tarHeader) appendRecords(b []byte) []byte {
	text := strings.Join(h.records, "")
	base := path.Base(h.name)
	x := &tarHeader{kind: 'x', mode: 0o644, uid: h.uid, gid: h.gid, size: int64(len(text)), time: h.time}
	b = appendBlock(b, x, "", "PaxHeaders.0/"+base[:min(len(base), 80)])
	return pad(append(b, text...))
}

// splitName fits a name into the fields prefix and name.
func splitName(p string) (prefix, name string, fits bool) {
	if len(p) <= 100 {
		return "", p, true
	}
	for i := max(0, len(p)-101); i < len(p)-1 && i <= 155; i++ {
		if p[i] == '/' && i > 0 {
			return p[:i], p[i+1:], true
		}
	}
	return "", p[:100], false
}

func appendBlock(b []byte, h *tarHeader, prefix, name string) []byte {
	start := len(b)
	b = append(b, make([]byte, blockSize)...)
	block := b[start:]
	copy(block[0:100], name)
	octal(block[100:107], int64(h.mode))
	octal(block[108:115], int64(min(h.uid, maxOctal7)))
	octal(block[116:123], int64(min(h.gid, maxOctal7)))
	octal(block[124:135], min(h.size, maxOctal11))
	octal(block[136:147], h.time)
	block[156] = h.kind
	copy(block[157:257], h.target)
	copy(block[257:265], "ustar\x0000")
	octal(block[329:336], 0)
	octal(block[337:344], 0)
	copy(block[345:500], prefix)
	total := int64(8 * ' ')
	for _, c := range block {
		total += int64(c)
	}
	octal(block[148:154], total)
	block[155] = ' '
	return b
}

// octal fills a field with a number and leading zeros.
func octal(field []byte, n int64) {
	for i := len(field) - 1; i >= 0; i-- {
		field[i] = '0' + byte(n&7)
		n >>= 3
	}
}

// pad fills the last block of b with zeros, where b began at the edge of one.
func pad(b []byte) []byte {
	if n := len(b) % blockSize; n > 0 {
		b = append(b, make([]byte, blockSize-n)...)
	}
	return b
}
