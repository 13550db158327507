package env

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/sandwright/sandwright/internal/fault"
)

// maxFile bounds a file of variables, in bytes.
const maxFile = 1 << 20

// ParseFile reads a file of variables, as Compose's .env files are:
//
//	# a comment
//	NAME=value               # a comment after a space
//	export NAME=value
//	NAME='taken as it is, over several lines too'
//	NAME="with \n \r \t \" \\ \$"
//
// Nothing is replaced: a $ outside single quotes is a fault unless it is
// escaped in double quotes. No message shows a value. The last of one name
// holds. The error holds every fault.
func ParseFile(path string, data []byte) (Source, error) {
	s := Source{Name: path, Values: map[string]string{}, At: map[string]fault.Position{}}
	whole := fault.Position{File: path}
	switch {
	case len(data) > maxFile:
		return Source{}, whole.Cannot("read it: it is larger than 1 MiB")
	case !utf8.Valid(data) || bytes.IndexByte(data, 0) >= 0:
		return Source{}, whole.Cannot("read it: it is not UTF-8 text").WithHint("save the file as UTF-8 text")
	}
	text := strings.ReplaceAll(strings.TrimPrefix(string(data), "\ufeff"), "\r\n", "\n")
	r := &reader{path: path, rest: text, line: 1}
	for r.rest != "" {
		r.statement(s)
	}
	if len(r.faults) > 0 {
		return Source{}, r.faults.Err()
	}
	return s, nil
}

// A reader takes statements off the front of rest.
type reader struct {
	path   string
	rest   string
	line   int
	faults fault.List
}

func (r *reader) cannot(format string, args ...any) *fault.Fault {
	f := fault.Position{File: r.path, Line: r.line}.Cannot(format, args...)
	r.faults = append(r.faults, f)
	return f
}

// take moves past n bytes.
func (r *reader) take(n int) {
	r.line += strings.Count(r.rest[:n], "\n")
	r.rest = r.rest[n:]
}

// skipLine moves past the end of the line.
func (r *reader) skipLine() {
	r.take(lineLength(r.rest))
	r.take(min(1, len(r.rest)))
}

func lineLength(text string) int {
	if n := strings.IndexByte(text, '\n'); n >= 0 {
		return n
	}
	return len(text)
}

// statement reads one assignment, or passes over a line without one.
func (r *reader) statement(s Source) {
	defer r.skipLine()
	line := strings.TrimSpace(r.rest[:lineLength(r.rest)])
	if line == "" || line[0] == '#' {
		return
	}
	before, _, ok := strings.Cut(r.rest[:lineLength(r.rest)], "=")
	name := strings.TrimSpace(before)
	if after, exported := strings.CutPrefix(name, "export"); exported && strings.TrimLeft(after, " \t") != after {
		name = strings.TrimSpace(after)
	}
	if !ok || !validName(name) {
		r.cannot("read a line that is not NAME=VALUE").WithHint("write NAME=VALUE; a name is letters, digits and underscores")
		return
	}
	at := fault.Position{File: r.path, Line: r.line, Column: 1 + strings.Index(r.rest, name)}
	r.take(len(before) + 1)
	r.take(len(r.rest) - len(strings.TrimLeft(r.rest, " \t")))
	if value, ok := r.value(name); ok {
		s.Values[name], s.At[name] = value, at
	}
}

// value reads up to the end of the line, or of the quotes.
func (r *reader) value(name string) (string, bool) {
	if r.rest == "" || !strings.ContainsRune(`'"`, rune(r.rest[0])) {
		return r.bare(name)
	}
	quote := r.rest[0]
	end := closing(r.rest, quote)
	if end < 0 {
		r.cannot("find the closing quote of %s", name).WithHint("end the value with %c", quote)
		r.take(len(r.rest))
		return "", false
	}
	body := r.rest[1:end]
	if quote == '"' {
		var ok bool
		if body, ok = r.unescape(name, body); !ok {
			r.take(end + 1)
			return "", false
		}
	}
	r.take(end + 1)
	if tail := strings.TrimSpace(r.rest[:lineLength(r.rest)]); tail != "" && tail[0] != '#' {
		r.cannot("read text after the closing quote of %s", name).WithHint("put the whole value in quotes")
		return "", false
	}
	return body, true
}

// bare is a value without quotes: up to the end of the line or " #".
func (r *reader) bare(name string) (string, bool) {
	value := r.rest[:lineLength(r.rest)]
	for i := range len(value) {
		if value[i] == '#' && (i == 0 || value[i-1] == ' ' || value[i-1] == '\t') {
			value = value[:i]
			break
		}
	}
	if strings.ContainsRune(value, '$') {
		return "", r.dollar(name)
	}
	return strings.TrimSpace(value), true
}

// dollar says what to do about a $, and is false.
func (r *reader) dollar(name string) bool {
	r.cannot("use a $ in %s: variables are not replaced here", name).
		WithHint(`put the value in single quotes, or write \$ in double quotes`)
	return false
}

// closing is where the quote that opens text ends, or -1.
func closing(text string, quote byte) int {
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] == quote:
			return i
		case text[i] == '\\' && quote == '"':
			i++
		}
	}
	return -1
}

// unescape reads the inside of double quotes.
func (r *reader) unescape(name, body string) (string, bool) {
	meaning := map[byte]byte{'n': '\n', 'r': '\r', 't': '\t', '"': '"', '\\': '\\', '$': '$'}
	var out strings.Builder
	for i := 0; i < len(body); i++ {
		if body[i] == '$' {
			return "", r.dollar(name)
		}
		if body[i] != '\\' {
			out.WriteByte(body[i])
			continue
		}
		i++
		c, ok := meaning[body[i]]
		if !ok {
			r.cannot("read an escape in %s", name).WithHint(`known escapes: \n \r \t \" \\ \$`)
			return "", false
		}
		out.WriteByte(c)
	}
	return out.String(), true
}
