package vartype

import (
	"slices"
	"strconv"
	"strings"
)

// A cronField is what one of the five fields of a schedule takes.
type cronField struct {
	low, high int
	pattern   string   // of a number
	names     []string // in capitals
}

// cronFields are those that cron, Kubernetes and most libraries share.
func cronFields() []cronField {
	return []cronField{
		{0, 59, `[1-5]?[0-9]`, nil},
		{0, 23, `(?:1?[0-9]|2[0-3])`, nil},
		{1, 31, `(?:[1-9]|[12][0-9]|3[01])`, nil},
		{1, 12, `(?:[1-9]|1[0-2]`, []string{"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}},
		{0, 7, `(?:[0-7]`, []string{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}},
	}
}

func cronWords() []string {
	return []string{"@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"}
}

// cronPattern is the five fields, or one of the words.
func cronPattern() string {
	var fields []string
	for _, f := range cronFields() {
		number := f.pattern
		if len(f.names) > 0 {
			for _, name := range f.names {
				number += "|"
				for _, c := range name {
					number += "[" + string(c) + strings.ToLower(string(c)) + "]"
				}
			}
			number += ")"
		}
		span := `(?:\*|` + number + `(?:-` + number + `)?)(?:/[1-9][0-9]?)?`
		fields = append(fields, span+`(?:,`+span+`)*`)
	}
	return strings.Join(fields, `[ \t]+`) + `|` + strings.Join(cronWords(), `|`)
}

// isCron is what cronPattern matches, which is large to compile.
func isCron(text string) bool {
	if slices.Contains(cronWords(), text) {
		return true
	}
	isBlank := func(r rune) bool { return r == ' ' || r == '\t' }
	fields := strings.FieldsFunc(text, isBlank)
	if len(fields) != 5 || strings.TrimFunc(text, isBlank) != text {
		return false
	}
	for i, f := range cronFields() {
		for span := range strings.SplitSeq(fields[i], ",") {
			if !f.takes(span) {
				return false
			}
		}
	}
	return true
}

// takes reads *, a number or a span of two, and a step.
func (f cronField) takes(span string) bool {
	numbers, step, stepped := strings.Cut(span, "/")
	if stepped && !within(step, 1, 99) {
		return false
	}
	if numbers == "*" {
		return true
	}
	low, high, two := strings.Cut(numbers, "-")
	return f.number(low) && (!two || f.number(high))
}

func (f cronField) number(text string) bool {
	return within(text, f.low, f.high) || len(text) == 3 && slices.Contains(f.names, strings.ToUpper(text))
}

// within tells whether text is a number of at most two digits, without a zero
// before it.
func within(text string, low, high int) bool {
	n, err := strconv.ParseUint(text, 10, 8)
	return err == nil && int(n) >= low && int(n) <= high && strconv.Itoa(int(n)) == text
}
