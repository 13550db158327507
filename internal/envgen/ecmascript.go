package envgen

import (
	"fmt"
	"regexp/syntax"
	"strings"
	"unicode"
)

// ecmaScript writes a regular expression of RE2's syntax as ECMAScript has it
// with the flag u, anchored at both ends. It matches the same texts.
func ecmaScript(pattern string) (string, error) {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return "", err
	}
	return "^(?:" + inECMAScript(re) + ")$", nil
}

func inECMAScript(re *syntax.Regexp) string {
	switch re.Op {
	case syntax.OpNoMatch:
		return `[^\s\S]`
	case syntax.OpLiteral:
		return literals(re)
	case syntax.OpCharClass:
		return class(re.Rune)
	case syntax.OpAnyCharNotNL:
		return `[^\n]`
	case syntax.OpAnyChar:
		return `[\s\S]`
	case syntax.OpBeginLine:
		return `(?<![^\n])`
	case syntax.OpEndLine:
		return `(?![^\n])`
	case syntax.OpBeginText:
		return `^`
	case syntax.OpEndText:
		return `$`
	case syntax.OpWordBoundary:
		return `\b`
	case syntax.OpNoWordBoundary:
		return `\B`
	}
	return compound(re)
}

// compound is the operators that have operands.
func compound(re *syntax.Regexp) string {
	parts := make([]string, len(re.Sub))
	for i, sub := range re.Sub {
		parts[i] = inECMAScript(sub)
	}
	lazy := ""
	if re.Flags&syntax.NonGreedy != 0 {
		lazy = "?"
	}
	switch re.Op {
	case syntax.OpConcat:
		return strings.Join(parts, "")
	case syntax.OpAlternate:
		return "(?:" + strings.Join(parts, "|") + ")"
	case syntax.OpCapture:
		return "(?:" + parts[0] + ")"
	case syntax.OpStar:
		return "(?:" + parts[0] + ")*" + lazy
	case syntax.OpPlus:
		return "(?:" + parts[0] + ")+" + lazy
	case syntax.OpQuest:
		return "(?:" + parts[0] + ")?" + lazy
	case syntax.OpRepeat:
		return "(?:" + parts[0] + ")" + times(re.Min, re.Max) + lazy
	}
	return "(?:)"
}

func times(low, high int) string {
	switch {
	case high == low:
		return fmt.Sprintf("{%d}", low)
	case high < 0:
		return fmt.Sprintf("{%d,}", low)
	}
	return fmt.Sprintf("{%d,%d}", low, high)
}

// literals are characters, each with its other cases where case is ignored.
func literals(re *syntax.Regexp) string {
	var out strings.Builder
	for _, r := range re.Rune {
		if re.Flags&syntax.FoldCase == 0 || unicode.SimpleFold(r) == r {
			out.WriteString(character(r))
			continue
		}
		ranges := []rune{r, r}
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			ranges = append(ranges, f, f)
		}
		out.WriteString(class(ranges))
	}
	return out.String()
}

// class is pairs of first and last characters.
func class(ranges []rune) string {
	if len(ranges) == 0 {
		return `[^\s\S]`
	}
	var out strings.Builder
	for i := 0; i < len(ranges); i += 2 {
		out.WriteString(character(ranges[i]))
		if ranges[i+1] > ranges[i] {
			out.WriteString("-" + character(ranges[i+1]))
		}
	}
	return "[" + out.String() + "]"
}

// character is r, escaped where it means something else, inside a class or not.
func character(r rune) string {
	switch {
	case strings.ContainsRune(`^$\.*+?()[]{}|/`, r):
		return `\` + string(r)
	case r == '-' || r < ' ' || r > '~':
		return fmt.Sprintf(`\u{%x}`, r)
	}
	return string(r)
}
