package redact

import (
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// percentEncoded is value as the encoders of URLs write it that people use, if
// that is different.
func percentEncoded(value string) (found []string) {
	if !strings.ContainsFunc(value, func(r rune) bool { return r >= utf8.RuneSelf || !alphanumeric(byte(r)) }) {
		return nil
	}
	for _, e := range []struct{ plain, space string }{
		{"-._~", "%20"},                         // curl --data-urlencode
		{"-._~", "+"},                           // Go's QueryEscape, Python's quote_plus
		{"-._*", "+"},                           // JavaScript's URLSearchParams
		{"-._~/", "%20"},                        // Python's quote
		{"-._~!'()*", "%20"},                    // JavaScript's encodeURIComponent
		{"-._~!()*", "%20"},                     // and what a URL makes of that
		{"-._~!()*$&+=:@;,/?[]{}|\\^`%", "%20"}, // what a URL makes of it as it is
		{"-._~$&+=:@", "%20"},                   // Go's PathEscape
		{"-._~!'()*;/?:@&=+$,#", "%20"},         // JavaScript's encodeURI
	} {
		upper := percent(value, e.plain, e.space, "0123456789ABCDEF")
		if upper != value {
			found = append(found, upper, percent(value, e.plain, e.space, "0123456789abcdef"))
		}
	}
	return found
}

func alphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

func percent(value, plain, space, hex string) string {
	b := make([]byte, 0, 2*len(value))
	for i := range len(value) {
		switch c := value[i]; {
		case c == ' ':
			b = append(b, space...)
		case alphanumeric(c) || strings.IndexByte(plain, c) >= 0:
			b = append(b, c)
		default:
			b = append(b, '%', hex[c>>4], hex[c&15])
		}
	}
	return string(b)
}

// escapedJSON is value within a JSON string, as JavaScript, Go, Python and PHP
// write it, and within a JSON string within one, if that is different.
func escapedJSON(value string) (found []string) {
	if !strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r >= utf8.RuneSelf || strings.ContainsRune(`"\/<>&`, r) }) {
		return nil
	}
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
