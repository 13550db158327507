package envscan

import "strings"

// pythonUses finds os.environ["X"], os.environ.get("X"), os.getenv("X"), and
// the same without os. where environ or getenv were imported by name.
func pythonUses(src string) (uses []found) {
	tokens := pythonTokens(src)
	at := func(i int) token {
		if i < 0 || i >= len(tokens) {
			return token{kind: punct}
		}
		return tokens[i]
	}
	imported := importedFromOS(tokens)
	for i, t := range tokens {
		dotted := at(i-1).is(".") && at(i-2).is("os") && !at(i-3).is(".")
		if !dotted && (at(i-1).is(".") || !imported[t.text]) {
			continue
		}
		name := i + 2
		switch {
		case t.is("getenv") && at(i+1).is("("):
		case t.is("environ") && at(i+1).is("["):
			if at(i+3).is("]") && at(i+4).is("=") {
				continue // it is set
			}
		case t.is("environ") && at(i+1).is(".") && (at(i+2).is("get") || at(i+2).is("pop")) && at(i+3).is("("):
			name = i + 4
		default:
			continue
		}
		if n := at(name); n.kind == str && isName(n.text) {
			uses = append(uses, found{n.text, n.at})
		}
	}
	return uses
}

// importedFromOS is what `from os import …` has made names of.
func importedFromOS(tokens []token) map[string]bool {
	names := map[string]bool{}
	for i := 0; i+3 < len(tokens); i++ {
		if !tokens[i].is("from") || !tokens[i+1].is("os") || !tokens[i+2].is("import") {
			continue
		}
		for j := i + 3; j < len(tokens) && (tokens[j].kind == word || tokens[j].is(",") || tokens[j].is("(")); j++ {
			names[tokens[j].text] = true
		}
	}
	return names
}

// pythonTokens cuts a program into tokens. No text makes it fail.
func pythonTokens(src string) (tokens []token) {
	for at := 0; at < len(src); {
		c := src[at]
		switch {
		case c == '#':
			for at < len(src) && src[at] != '\n' {
				at++
			}
		case c == '\'' || c == '"':
			end, text := pythonString(src, at)
			tokens = append(tokens, token{str, text, at})
			at = end
		case isLetter(c) || c >= 0x80:
			start := at
			for at < len(src) && (isLetter(src[at]) || isDigit(src[at]) || src[at] >= 0x80) {
				at++
			}
			if at < len(src) && (src[at] == '\'' || src[at] == '"') && at-start <= 2 {
				continue // the letters before a string
			}
			tokens = append(tokens, token{word, src[start:at], start})
		case c <= ' ':
			at++
		case strings.HasPrefix(src[at:], "=="):
			tokens = append(tokens, token{punct, "==", at})
			at += 2
		default:
			tokens = append(tokens, token{punct, src[at : at+1], at})
			at++
		}
	}
	return tokens
}

// pythonString gives the end of the string that begins at start, and what is in it.
func pythonString(src string, start int) (end int, text string) {
	quote := src[start : start+1]
	if strings.HasPrefix(src[start:], strings.Repeat(quote, 3)) {
		quote = strings.Repeat(quote, 3)
	}
	for at := start + len(quote); at < len(src); at++ {
		switch {
		case strings.HasPrefix(src[at:], quote):
			return at + len(quote), src[start+len(quote) : at]
		case src[at] == '\\':
			at++
		case src[at] == '\n' && len(quote) == 1:
			return at, ""
		}
	}
	return len(src), ""
}
