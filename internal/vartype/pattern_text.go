package vartype

import (
	"regexp"

	"github.com/sandwright/sandwright/internal/spec"
)

// base64Pattern is RFC 4648's alphabet with padding, or that for URLs with
// padding or without.
const base64Pattern = `(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?|` +
	`(?:[A-Za-z0-9_-]{4})*(?:[A-Za-z0-9_-]{2}(?:==)?|[A-Za-z0-9_-]{3}=?)?`

// listPattern is items with separators between them, and spaces around both.
func listPattern(r spec.Rule, v6 string) string {
	item := `(?:` + pattern(spec.Rule{Type: itemType(r)}, v6) + `)`
	sep := regexp.QuoteMeta(separator(r))
	if itemType(r) == String {
		class := `[^` + sep + `\x00]`
		item = class + `*[^` + sep + `\x00\x09-\x0d\x20]` + class + `*`
	}
	return `[\x09-\x0d\x20]*` + item + `[\x09-\x0d\x20]*(?:` + sep + `[\x09-\x0d\x20]*` + item + `[\x09-\x0d\x20]*)*`
}
