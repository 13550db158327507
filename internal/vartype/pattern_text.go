package vartype

import (
	"regexp"
	"strings"

	"github.com/sandwright/sandwright/internal/spec"
)

// base64Pattern is RFC 4648's alphabet with padding, or that for URLs with
// padding or without.
const base64Pattern = `(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?|` +
	`(?:[A-Za-z0-9_-]{4})*(?:[A-Za-z0-9_-]{2}(?:==)?|[A-Za-z0-9_-]{3}=?)?`

// listPattern is items with separators between them, and spaces around both.
func listPattern(r spec.Rule) string {
	item := `(?:` + Pattern(spec.Rule{Type: itemType(r)}) + `)`
	sep := regexp.QuoteMeta(separator(r))
	if itemType(r) == String {
		class := `[^` + sep + `\x00]`
		item = class + `*[^` + sep + `\x00\x09-\x0d\x20]` + class + `*`
	}
	return `[\x09-\x0d\x20]*` + item + `[\x09-\x0d\x20]*(?:` + sep + `[\x09-\x0d\x20]*` + item + `[\x09-\x0d\x20]*)*`
}

// cronPattern is the five fields that cron, Kubernetes and most libraries
// share, or one of their names.
func cronPattern() string {
	field := func(number string) string {
		span := `(?:\*|` + number + `(?:-` + number + `)?)(?:/[1-9][0-9]?)?`
		return span + `(?:,` + span + `)*`
	}
	months := `(?i:JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC)`
	days := `(?i:SUN|MON|TUE|WED|THU|FRI|SAT)`
	fields := []string{
		field(`[1-5]?[0-9]`),
		field(`(?:1?[0-9]|2[0-3])`),
		field(`(?:[1-9]|[12][0-9]|3[01])`),
		field(`(?:[1-9]|1[0-2]|` + months + `)`),
		field(`(?:[0-7]|` + days + `)`),
	}
	return strings.Join(fields, `[ \t]+`) + `|@(?:yearly|annually|monthly|weekly|daily|midnight|hourly)`
}
