package svlog

import (
	"encoding/hex"
	"strings"
	"time"
	"unicode"

	"github.com/sandwright/sandwright/internal/tai64n"
)

// A stamper makes the text before each line, the same for all lines of one
// read. It remembers the text of the last second. The zero stamper writes
// nothing.
type stamper struct {
	tai, iso bool // both: TAI64N first, as s6-log
	second   int64
	clock    []byte // of second
}

// stamperFor is the stamper that a Rotation's Stamp names.
func stamperFor(name string) stamper {
	return stamper{tai: name == "tai64n", iso: name == "iso8601"}
}

// append adds the stamp of t: for TAI64N what s6-log's t writes, with one
// space, and for ISO 8601 its T, local time with two.
func (s *stamper) append(b []byte, t time.Time) []byte {
	if s.tai {
		var raw [12]byte
		b = hex.AppendEncode(append(b, '@'), tai64n.Append(raw[:0], t))
		b = append(b, ' ')
	}
	if s.iso {
		if sec := t.Unix(); s.clock == nil || sec != s.second {
			s.second, s.clock = sec, t.AppendFormat(s.clock[:0], "2006-01-02 15:04:05.")
		}
		b = append(appendNanos(append(b, s.clock...), t.Nanosecond()), ' ', ' ')
	}
	return b
}

// appendNanos adds nine digits.
func appendNanos(b []byte, nanos int) []byte {
	var digits [9]byte
	for i := len(digits) - 1; i >= 0; i-- {
		digits[i] = byte('0' + nanos%10)
		nanos /= 10
	}
	return append(b, digits[:]...)
}

// printable makes a line fit to stand in a message: no control characters and
// no broken UTF-8.
func printable(line []byte) string {
	text := strings.ToValidUTF8(string(line), "")
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
}
