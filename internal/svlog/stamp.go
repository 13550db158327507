package svlog

import (
	"strings"
	"time"
	"unicode"

	"github.com/sandwright/sandwright/internal/tai64n"
)

// lastBytes bounds what Last gives.
const lastBytes = 200

// stampFor is the prefix of each line, by its name in a Rotation. Local time
// and two spaces are what s6-log's T writes; one space is its t.
func stampFor(name string) func([]byte, time.Time) []byte {
	switch name {
	case "iso8601":
		return func(b []byte, t time.Time) []byte { return t.AppendFormat(b, "2006-01-02 15:04:05.000000000  ") }
	case "tai64n":
		return func(b []byte, t time.Time) []byte { return append(append(b, tai64n.Format(t)...), ' ') }
	}
	return func(b []byte, _ time.Time) []byte { return b }
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
