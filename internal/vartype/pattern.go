package vartype

import (
	"regexp"
	"strings"

	"github.com/sandwright/sandwright/internal/spec"
)

const (
	percent  = `%[0-9A-Fa-f]{2}`
	portText = `(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])`
	label    = `[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?`
	octet    = `(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])`
	ipv4     = octet + `(?:\.` + octet + `){3}`
	// A name may hold underscores, and its last label is no number.
	hostName = `(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?\.)*` +
		`(?:[0-9]*[A-Za-z_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?|[0-9]+-[A-Za-z0-9_-]*[A-Za-z0-9_])\.?`
	semver = `(?:0|[1-9][0-9]*)\.(?:0|[1-9][0-9]*)\.(?:0|[1-9][0-9]*)` +
		`(?:-(?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)(?:\.(?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*))*)?` +
		`(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?`
)

// Pattern is a regular expression, in RE2's syntax and without anchors, for
// the whole of a text that fits r. It is all that r says but for these: the
// range of an int, a float, a duration and a size, the length of a base64, the
// schema of a json, and what is at a path.
func Pattern(r spec.Rule) string { return pattern(r, ipv6()) }

// pattern is Pattern with v6 for an IPv6 address.
func pattern(r spec.Rule, v6 string) string {
	switch r.Type {
	case Int:
		return `[+-]?[0-9]+`
	case Float:
		return `[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?`
	case Bool:
		return `true|false|1|0`
	case Port:
		return portText
	case URL:
		return urlPattern(r.Schemes, v6)
	case Host:
		return hostName + `|` + ipv4 + `|` + v6
	case HostPort:
		return `(?:` + hostName + `|` + ipv4 + `|\[` + v6 + `\]):` + portText
	case Email:
		return "[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@" + label + `(?:\.` + label + `)*`
	case Duration:
		return `(?:[0-9]{1,9}(?:\.[0-9]{1,9})?(?:ns|us|ms|s|m|h))+|0`
	case Bytes:
		return `[0-9]{1,12} ?(?:B|kB|KB|MB|GB|TB|KiB|MiB|GiB|TiB)?`
	}
	return textPattern(r, v6)
}

func textPattern(r spec.Rule, v6 string) string {
	switch r.Type {
	case Enum:
		choices := make([]string, len(r.Values))
		for i, v := range r.Values {
			choices[i] = regexp.QuoteMeta(v)
		}
		return strings.Join(choices, "|")
	case Regex:
		return r.Pattern
	case Path:
		if r.Exists || r.Kind != "" {
			return `/[^\x00]*`
		}
		return `[^\x00]+`
	case Base64:
		return base64Pattern
	case List:
		return listPattern(r, v6)
	case Cron:
		return cronPattern()
	case Semver:
		return semver
	}
	return `[^\x00]*`
}

func urlPattern(schemes []string, v6 string) string {
	scheme := `[A-Za-z][A-Za-z0-9+.-]*`
	if len(schemes) > 0 {
		choices := make([]string, len(schemes))
		for i, s := range schemes {
			choices[i] = regexp.QuoteMeta(s)
		}
		scheme = `(?:` + strings.Join(choices, `|`) + `)`
	}
	user := `(?:(?:[A-Za-z0-9._:~!$&'()*+,;=@-]|` + percent + `)*@)?`
	host := "(?:\\[" + v6 + "\\]|[^\\x00-\\x20\\x7f/?#@:\\[\\]\\\\%\"<>^|{}`]+)"
	rest := `(?:[/?#](?:[^\x00-\x20\x7f%]|` + percent + `)*)?`
	return scheme + `://` + user + host + `(?::` + portText + `)?` + rest
}

// ipv6 is the IPv6address of RFC 3986, section 3.2.2: eight groups, or fewer
// around one double colon; an IPv4 address may stand for the last two.
func ipv6() string {
	const group = `[0-9A-Fa-f]{1,4}`
	const last = `(?:` + group + `:` + group + `|` + ipv4 + `)`
	forms := []string{`(?:` + group + `:){6}` + last}
	for n, after := range []string{
		`(?:` + group + `:){5}` + last, `(?:` + group + `:){4}` + last, `(?:` + group + `:){3}` + last,
		`(?:` + group + `:){2}` + last, group + `:` + last, last, group, ``,
	} {
		before := ``
		if n > 0 {
			before = `(?:(?:` + group + `:){0,` + string(rune('0'+n-1)) + `}` + group + `)?`
		}
		forms = append(forms, before+`::`+after)
	}
	return `(?:` + strings.Join(forms, `|`) + `)`
}
