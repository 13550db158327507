package redact

import (
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// percentEncoded is value as the encoders of URLs write it that people use.
func percentEncoded(value string) (found []string) {
	for _, e := range []struct{ plain, space string }{
		{"-._~", "%20"},                 // curl --data-urlencode
		{"-._~", "+"},                   // Go's QueryEscape, Python's quote_plus
		{"-._*", "+"},                   // JavaScript's URLSearchParams
		{"-._~/", "%20"},                // Python's quote
		{"-._~!'()*", "%20"},            // JavaScript's encodeURIComponent
		{"-._~$&+=:@", "%20"},           // Go's PathEscape
		{"-._~!'()*;/?:@&=+$,#", "%20"}, // JavaScript's encodeURI
	} {
		found = append(found, percent(value, e.plain, e.space, "%%%02X"), percent(value, e.plain, e.space, "%%%02x"))
	}
	return found
}

func percent(value, plain, space, hex string) string {
	var b strings.Builder
	for i := range len(value) {
		switch c := value[i]; {
		case c == ' ':
			b.WriteString(space)
		case 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte(plain, c) >= 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, hex, c)
		}
	}
	return b.String()
}

// escapedJSON is value within a JSON string, as JavaScript, Go, Python and PHP
// write it, and within a JSON string within one.
func escapedJSON(value string) (found []string) {
	for _, also := range []string{"", "<>&\u2028\u2029", "/"} { // Go's escapes for HTML, PHP's slash
		for _, hex := range []string{`\u%04x`, `\u%04X`} {
			found = append(found, inJSON(value, also, hex, false), inJSON(value, also, hex, true))
		}
	}
	return append(found, inJSON(found[0], "", `\u%04x`, false))
}

// inJSON is the inside of a JSON string. also is escaped as well, and with
// ascii so is all that is not.
func inJSON(value, also, hex string, ascii bool) string {
	short := map[rune]string{'"': `\"`, '\\': `\\`, '\n': `\n`, '\r': `\r`, '\t': `\t`, '\b': `\b`, '\f': `\f`}
	if strings.Contains(also, "/") {
		short['/'] = `\/`
	}
	var b strings.Builder
	for _, r := range value {
		switch text, ok := short[r]; {
		case ok:
			b.WriteString(text)
		case r >= ' ' && !strings.ContainsRune(also, r) && (r < utf8.RuneSelf || !ascii):
			b.WriteRune(r)
		default:
			for _, unit := range utf16.Encode([]rune{r}) {
				fmt.Fprintf(&b, hex, unit)
			}
		}
	}
	return b.String()
}
