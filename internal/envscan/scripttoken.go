package envscan

import (
	"slices"
	"strings"
)

// A lexer cuts JavaScript, TypeScript and what embeds them into tokens. What it
// does not understand it passes over: no text makes it fail.
type lexer struct {
	src    string
	at     int
	tokens []token
}

// scriptTokens are the tokens of a program. A template with a part that is put
// in has the tokens of that part.
func scriptTokens(src string) []token {
	l := &lexer{src: src}
	if strings.HasPrefix(src, "#!") {
		l.line()
	}
	l.code()
	return l.tokens
}

func (l *lexer) rest() string { return l.src[l.at:] }

func (l *lexer) add(k kind, text string, at int) { l.tokens = append(l.tokens, token{k, text, at}) }

// line moves to the end of the line.
func (l *lexer) line() {
	if n := strings.IndexByte(l.rest(), '\n'); n >= 0 {
		l.at += n
	} else {
		l.at = len(l.src)
	}
}

// past moves behind text, or to the end.
func (l *lexer) past(text string) {
	if n := strings.Index(l.rest(), text); n >= 0 {
		l.at += n + len(text)
	} else {
		l.at = len(l.src)
	}
}

// code reads to the end.
func (l *lexer) code() {
	depth := 0          // of braces
	var templates []int // depths at which a template's part began
	for l.at < len(l.src) {
		c := l.src[l.at]
		switch {
		case c == '}' && len(templates) > 0 && templates[len(templates)-1] == depth:
			templates = templates[:len(templates)-1]
			l.at++
			if l.template() {
				templates = append(templates, depth)
			}
		case c == '`':
			l.at++
			if l.template() {
				templates = append(templates, depth)
			}
		default:
			switch c {
			case '{':
				depth++
			case '}':
				depth--
			}
			l.plain(c)
		}
	}
}

// plain reads one token that is no template, or what stands between two.
func (l *lexer) plain(c byte) {
	rest := l.rest()
	switch {
	case strings.HasPrefix(rest, "//"):
		l.line()
	case strings.HasPrefix(rest, "/*"):
		l.at += 2
		l.past("*/")
	case c == '\'' || c == '"':
		l.quoted(c)
	case c == '/' && l.regexFollows():
		l.regex()
	case isLetter(c) || c == '$' || c >= 0x80:
		l.run(word, func(c byte) bool { return isLetter(c) || isDigit(c) || c == '$' || c >= 0x80 })
	case isDigit(c):
		l.run(number, func(c byte) bool { return isLetter(c) || isDigit(c) || c == '.' })
	case c <= ' ':
		l.at++
	default:
		l.punctuation()
	}
}

func (l *lexer) run(k kind, is func(byte) bool) {
	start := l.at
	for l.at < len(l.src) && is(l.src[l.at]) {
		l.at++
	}
	l.add(k, l.src[start:l.at], start)
}

func (l *lexer) punctuation() {
	for _, text := range []string{"...", "===", "!==", "=>", "==", "!=", "<=", ">=", "?.", "?"} {
		if strings.HasPrefix(l.rest(), text) {
			l.add(punct, text, l.at)
			l.at += len(text)
			return
		}
	}
	l.add(punct, l.src[l.at:l.at+1], l.at)
	l.at++
}

// quoted reads a string. It ends with its line at the latest: a quote may also
// be an apostrophe in the text of a page.
func (l *lexer) quoted(quote byte) {
	start := l.at
	for l.at++; l.at < len(l.src); l.at++ {
		switch l.src[l.at] {
		case quote:
			l.add(str, l.src[start+1:l.at], start)
			l.at++
			return
		case '\n':
			return
		case '\\':
			l.at++
		}
	}
	l.at = min(l.at, len(l.src))
}

// template reads on in a template, and tells whether a part follows that is put in.
func (l *lexer) template() bool {
	start := l.at
	for ; l.at < len(l.src); l.at++ {
		switch {
		case l.src[l.at] == '`':
			l.add(str, l.src[start:l.at], start-1)
			l.at++
			return false
		case strings.HasPrefix(l.rest(), "${"):
			l.add(punct, "${", l.at) // so that nothing before it belongs to what is put in
			l.at += 2
			return true
		case l.src[l.at] == '\\':
			l.at++
		}
	}
	l.at = min(l.at, len(l.src))
	return false
}

// regexFollows tells whether a slash begins a regular expression: it divides
// only what is a value.
func (l *lexer) regexFollows() bool {
	if len(l.tokens) == 0 {
		return true
	}
	last := l.tokens[len(l.tokens)-1]
	switch last.kind {
	case word:
		return slices.Contains([]string{"return", "typeof", "case", "in", "of", "do", "else", "void", "delete", "throw", "new", "await", "yield", "instanceof"}, last.text)
	case punct:
		return last.text != ")" && last.text != "]" && last.text != "}"
	}
	return false
}

// longest is how far the end of something is looked for, in bytes or tokens, so
// that no text takes more than its length in time.
const longest = 1000

// regex passes over a regular expression, or over a slash without one.
func (l *lexer) regex() {
	class := false
	for at := l.at + 1; at < min(len(l.src), l.at+longest) && l.src[at] != '\n'; at++ {
		switch c := l.src[at]; {
		case c == '\\':
			at++
		case c == '[':
			class = true
		case c == ']':
			class = false
		case c == '/' && !class:
			l.add(str, "", l.at)
			l.at = at + 1
			return
		}
	}
	l.at++
}
