package redact

import (
	"encoding/base64"
	"strings"
)

// A form is how a value may be written. In base64 the characters before and
// after it may hold some bits of the value as well.
type form struct {
	text          string
	before, after bool
}

// forms are all forms of value that are long enough.
func forms(value string) (found []form) {
	value = strings.TrimSpace(value)
	if len(value) < MinLength {
		return nil
	}
	core := multiline(strings.ReplaceAll(value, "\r\n", "\n"))
	texts := []string{multiline(value), core, strings.ReplaceAll(core, "\n", "\r\n")}
	texts = append(texts, keyLines(value)...)
	texts = append(texts, escapedJSON(value)...)
	texts = append(texts, percentEncoded(value)...)
	texts = append(texts, wrapped(value, 64)...)
	texts = append(texts, wrapped(value, 76)...)
	for _, text := range texts {
		if len(text) >= MinLength { // with other line ends it may be shorter
			found = append(found, form{text: text})
		}
	}
	return append(found, encoded(value)...)
}

// multiline is value from its first line that says something: what comes
// before, as a lone bracket, would have every line with one at its end wait for
// the next.
func multiline(value string) string {
	for rest := value; ; {
		line, after, more := strings.Cut(rest, "\n")
		if len(line) >= MinLength {
			return rest
		}
		if !more {
			return value
		}
		rest = after
	}
}

// longLine is how many bytes a part of a value must have to be known for itself.
const longLine = 16

// keyLines are the lines of a value with several, as those of a PEM file, that
// tell something each for itself: long ones without a space.
func keyLines(value string) (found []string) {
	lines := strings.Split(value, "\n")
	if len(lines) == 1 {
		return nil
	}
	for _, line := range lines {
		if line = strings.TrimSpace(line); len(line) >= longLine && !strings.ContainsAny(line, " \t") {
			found = append(found, line)
		}
	}
	return found
}

// encoded is what stands in base64 when value does, whatever is around it: for
// each alignment the characters that are value's alone, in both alphabets, and
// the same in a URL.
func encoded(value string) (found []form) {
	for _, alphabet := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for shift := range 3 {
			bits := 8 * (shift + len(value))
			text := alphabet.EncodeToString([]byte(strings.Repeat("\x00", shift) + value))
			text = text[(8*shift+5)/6 : bits/6]
			for _, t := range append(percentEncoded(text), text) {
				found = append(found, form{t, shift > 0, bits%6 > 0})
			}
		}
	}
	return found
}

// wrapped are the lines of value in base64, as base64(1) and PEM fold them.
func wrapped(value string, columns int) (lines []string) {
	text := base64.RawStdEncoding.EncodeToString([]byte(value))[:8*len(value)/6]
	if len(text) <= columns {
		return nil
	}
	for ; len(text) > columns; text = text[columns:] {
		lines = append(lines, text[:columns])
	}
	if len(text) >= longLine {
		lines = append(lines, text)
	}
	return lines
}
