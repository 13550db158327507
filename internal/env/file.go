package env

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sandwright/sandwright/internal/fault"
)

// maxFile bounds a file of variables, in bytes.
const maxFile = 1 << 20

// maxValues bounds what its variables, replaced, become, in bytes.
const maxValues = 16 << 20

// A Lookup gives the value of a variable that a file of variables speaks of.
type Lookup func(name string) (string, bool)

// ParseFile reads a file of variables, as Compose's .env files are:
//
//	# a comment
//	NAME=value               # a comment after a space
//	NAME: value
//	export NAME=value
//	NAME='taken as it is, over several lines too; \' is a quote'
//	NAME="with \n \r \t \" \\ \$"
//	NAME=$OTHER ${OTHER} ${OTHER:-or this} ${OTHER:+this} ${OTHER:?why}
//
// What is replaced is asked of lookup first, which may be nil, and then of the
// lines above. Whatever is accepted, Compose reads the same; what it reads in
// a way that few would guess is a fault here, and so is a variable without a
// value. No message shows a value. The last of one name holds. The error holds
// every fault; the source has the names then, as failed.
func ParseFile(path string, data []byte, lookup Lookup) (Source, error) {
	s := Source{Name: path, Values: map[string]string{}, At: map[string]fault.Position{}, Speaks: map[string][]string{}}
	whole := fault.Position{File: path}
	switch {
	case len(data) > maxFile:
		return Source{}, whole.Cannot("read it: it is larger than 1 MiB")
	case !utf8.Valid(data) || bytes.IndexByte(data, 0) >= 0:
		return Source{}, whole.Cannot("read it: it is not UTF-8 text").WithHint("save the file as UTF-8 text")
	}
	r := &reader{path: path, rest: strings.TrimPrefix(string(data), "\ufeff"), line: 1, source: s, stated: map[string]bool{}, lookup: lookup}
	for r.rest != "" && r.size <= maxValues && len(r.faults) < 100 {
		r.statement()
	}
	if len(r.faults) > 0 {
		return Source{Name: path, Failed: r.stated}, r.faults.Err()
	}
	return s, nil
}

// A reader takes statements off the front of rest.
type reader struct {
	path   string
	rest   string
	line   int
	name   string          // of the statement
	source Source          // the lines above
	stated map[string]bool // the names that were met
	lookup Lookup
	size   int // of all values
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

// blanks are what may stand around names and signs.
const blanks = " \t\r"

// statement reads one assignment, or passes over a line without one.
func (r *reader) statement() {
	defer r.skipLine()
	line := r.rest[:lineLength(r.rest)]
	if text := strings.TrimSpace(line); text == "" || text[0] == '#' {
		return
	}
	sign := strings.IndexAny(line, "=:")
	name, ok := nameOf(line[:max(sign, 0)])
	if sign < 0 || !ok {
		r.cannot("read a line that is not NAME=VALUE").WithHint("write NAME=VALUE; a name is letters, digits and underscores")
		return
	}
	at := fault.Position{File: r.path, Line: r.line, Column: 1 + strings.LastIndex(line[:sign], name)}
	r.name, r.stated[name] = name, true
	r.take(sign + 1)
	r.take(len(r.rest) - len(strings.TrimLeft(r.rest, blanks+"\v\f\u0085\u00a0")))
	if value, ok := r.value(name); ok {
		r.source.Values[name], r.source.At[name] = value, at
	}
}

// nameOf is the name before the sign, with or without export.
func nameOf(before string) (string, bool) {
	name := strings.Trim(before, blanks)
	if after, exported := strings.CutPrefix(strings.TrimLeft(before, blanks), "export"); exported && after != "" && strings.ContainsRune(" \t", rune(after[0])) {
		name = strings.Trim(after, blanks)
	}
	return name, validName(name)
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
	ok := true
	if quote == '"' {
		body, ok = r.unescape(name, body)
	} else {
		body = strings.ReplaceAll(body, `\'`, `'`)
	}
	r.take(end + 1)
	if tail := strings.TrimSpace(r.rest[:lineLength(r.rest)]); ok && tail != "" && tail[0] != '#' {
		r.cannot("read text after the closing quote of %s", name).WithHint("put the whole value in quotes")
		return "", false
	}
	return body, ok
}

// bare is a value without quotes: up to the end of the line or " #".
func (r *reader) bare(name string) (string, bool) {
	value, _, _ := strings.Cut(r.rest[:lineLength(r.rest)], " #")
	for i := range len(value) {
		if value[i] == '#' && (i == 0 || strings.ContainsRune("\t\v\f\r", rune(value[i-1]))) {
			r.cannot("tell whether a # in %s begins a comment", name).WithHint("put the value in quotes, or one space before the #")
			return "", false
		}
	}
	return r.expand(name, strings.TrimRightFunc(value, unicode.IsSpace))
}

// closing is where the quote that opens text ends, or -1.
func closing(text string, quote byte) int {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case quote:
			return i
		case '\\':
			i++
		}
	}
	return -1
}

// unescape reads the inside of double quotes.
func (r *reader) unescape(name, body string) (string, bool) {
	meaning := map[byte]string{'n': "\n", 'r': "\r", 't': "\t", '"': `"`, '\\': `\`, '$': "$$"}
	var out strings.Builder
	for i := 0; i < len(body); i++ {
		if body[i] != '\\' {
			out.WriteByte(body[i])
			continue
		}
		i++
		text, ok := meaning[body[i]]
		if !ok {
			r.cannot("read an escape in %s", name).WithHint(`known escapes: \n \r \t \" \\ \$`)
			return "", false
		}
		out.WriteString(text)
	}
	return r.expand(name, out.String())
}

// expand replaces variables, and says what cannot be.
func (r *reader) expand(name, text string) (string, bool) {
	out, bad := expand(text, r.find, 0)
	if r.size += len(out); r.size > maxValues && bad == nil {
		bad = &flaw{"all values together become larger than 16 MiB", "write less"}
	}
	if bad == nil {
		return out, true
	}
	r.cannot("replace a variable in %s: %s", name, bad.why).WithHint("%s", bad.hint)
	return "", false
}

func (r *reader) find(name string) (string, bool) {
	r.source.Speaks[r.name] = append(r.source.Speaks[r.name], name)
	if r.lookup != nil {
		if value, ok := r.lookup(name); ok {
			return value, true
		}
	}
	value, ok := r.source.Values[name]
	return value, ok
}
