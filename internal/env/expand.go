package env

import "strings"

// maxNesting bounds ${A:-${B:-…}}.
const maxNesting = 8

// A flaw is why a text cannot be expanded. It shows nothing of a value.
type flaw struct{ why, hint string }

func malformed() *flaw {
	return &flaw{"a $ is not followed by a name", `write ${NAME} or ${NAME:-default}; in single quotes, or as $$, a $ is one`}
}

// expand replaces $NAME and ${NAME…} as Compose does. A $ before anything
// else stays.
func expand(text string, find Lookup, depth int) (string, *flaw) {
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(text, "$")
		out.WriteString(before)
		if !found {
			return out.String(), nil
		}
		value, after, bad := replace(rest, find, depth)
		if bad != nil {
			return "", bad
		}
		if out.WriteString(value); out.Len() > maxFile {
			return "", &flaw{"it becomes larger than 1 MiB", "write less"}
		}
		text = after
	}
}

// replace reads what follows a $, and gives what stands in its place.
func replace(rest string, find Lookup, depth int) (value, after string, bad *flaw) {
	switch {
	case strings.HasPrefix(rest, "$"):
		return "$", rest[1:], nil
	case strings.HasPrefix(rest, "{"):
		return braced(rest[1:], find, depth)
	}
	name := leadingName(rest)
	if strings.HasPrefix(rest[len(name):], "\u017f") || strings.HasPrefix(rest[len(name):], "\u212a") {
		return "", "", malformed() // letters that are an s and a k without their case
	}
	if name == "" {
		return "$", rest, nil
	}
	value, ok := find(name)
	if !ok {
		return "", "", unset()
	}
	return value, rest[len(name):], nil
}

// unset does not name the variable: what follows a $ may be part of a secret.
func unset() *flaw {
	return &flaw{"it has no value", "give it one, or a default: ${NAME:-default}; in single quotes, or as $$, a $ is one"}
}

func leadingName(text string) string {
	n := 0
	for n < len(text) && validName(text[:n+1]) {
		n++
	}
	return text[:n]
}

// braced reads NAME}, or NAME, an operator, a word and }.
func braced(rest string, find Lookup, depth int) (value, after string, bad *flaw) {
	name := leadingName(rest)
	end := closingBrace(rest)
	if name == "" || end < len(name) || depth > maxNesting {
		return "", "", malformed()
	}
	inside, after := rest[len(name):end], rest[end+1:]
	value, ok := find(name)
	if inside == "" {
		if !ok {
			return "", "", unset()
		}
		return value, after, nil
	}
	operator := strings.TrimPrefix(inside, ":")
	given := ok && (operator == inside || value != "")
	if operator == "" || strings.Contains(inside, "\n") {
		return "", "", malformed()
	}
	word := operator[1:]
	switch {
	case operator[0] == '-' && !given, operator[0] == '+' && given:
		value, bad = expand(word, find, depth+1)
	case operator[0] == '?' && !given:
		return "", "", unset()
	case !strings.ContainsRune("-+?", rune(operator[0])):
		return "", "", malformed()
	}
	return value, after, bad
}

// closingBrace is where the brace that was opened before text ends, or -1.
// Other braces than those of variables may not stand inside.
func closingBrace(text string) int {
	depth := 1
	for i := 0; i < len(text); i++ {
		switch {
		case strings.HasPrefix(text[i:], "${"):
			depth++
			i++
		case text[i] == '{':
			return -1
		case text[i] == '}':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}
