package svlog

import (
	"time"
	"unicode/utf8"
)

// appendJSONHead adds the part of a JSON line that all lines of one read have
// in common, up to the text itself.
func appendJSONHead(b []byte, t time.Time, service, stream string) []byte {
	b = t.AppendFormat(append(b, `{"time":"`...), time.RFC3339Nano)
	b = appendJSONText(append(b, `","service":"`...), []byte(service))
	b = appendJSONText(append(b, `","stream":"`...), []byte(stream))
	return append(b, `","line":"`...)
}

// appendJSONText adds the inside of a JSON string that says text. What is no
// UTF-8 becomes U+FFFD, a byte at a time.
func appendJSONText(b, text []byte) []byte {
	start := 0
	for i := 0; i < len(text); {
		c := text[i]
		if c >= ' ' && c < utf8.RuneSelf && c != '"' && c != '\\' {
			i++
			continue
		}
		size := 1
		if c >= utf8.RuneSelf {
			var r rune
			if r, size = utf8.DecodeRune(text[i:]); r != utf8.RuneError || size > 1 {
				i += size
				continue
			}
		}
		b = appendEscape(append(b, text[start:i]...), c)
		i += size
		start = i
	}
	return append(b, text[start:]...)
}

func appendEscape(b []byte, c byte) []byte {
	const hex = "0123456789abcdef"
	switch {
	case c == '"' || c == '\\':
		return append(b, '\\', c)
	case c == '\t':
		return append(b, `\t`...)
	case c == '\r':
		return append(b, `\r`...)
	case c == '\n':
		return append(b, `\n`...)
	case c >= utf8.RuneSelf:
		return append(b, `\ufffd`...)
	}
	return append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
}
