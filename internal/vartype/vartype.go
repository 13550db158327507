// Package vartype says what the text of an environment variable must be: one
// type after the other, with its parameters. It is used where a file is read,
// before anything is built, and by PID 1 in the box.
package vartype

import (
	"strconv"
	"strings"

	"github.com/sandwright/sandwright/internal/spec"
)

// The types of a variable.
const (
	String   spec.ValueType = "string"
	Int      spec.ValueType = "int"   // a whole number of 64 bits
	Float    spec.ValueType = "float" // a finite decimal number
	Bool     spec.ValueType = "bool"  // true, false, 1 or 0
	Port     spec.ValueType = "port"  // 1 to 65535
	URL      spec.ValueType = "url"   // with a scheme and a host
	Host     spec.ValueType = "host"  // a name or an IP address
	HostPort spec.ValueType = "host:port"
	Email    spec.ValueType = "email"    // as forms of HTML take it
	Duration spec.ValueType = "duration" // as time.ParseDuration takes it, not negative
	Bytes    spec.ValueType = "bytes"    // a whole number and its unit, up to 2^53-1
	Enum     spec.ValueType = "enum"     // one of Rule.Values
	Regex    spec.ValueType = "regex"    // matches Rule.Pattern
	Path     spec.ValueType = "path"
	JSON     spec.ValueType = "json"
	Base64   spec.ValueType = "base64" // RFC 4648's alphabet or that for URLs, padded or not
	List     spec.ValueType = "list"
	Cron     spec.ValueType = "cron" // five fields, or @daily and the like
	Semver   spec.ValueType = "semver"
)

// All lists every type.
func All() []spec.ValueType {
	return []spec.ValueType{
		String, Int, Float, Bool, Port, URL, Host, HostPort, Email, Duration, Bytes,
		Enum, Regex, Path, JSON, Base64, List, Cron, Semver,
	}
}

// Items lists the types that the items of a list can have: those without
// parameters.
func Items() []spec.ValueType {
	return []spec.ValueType{String, Int, Float, Bool, Port, URL, Host, HostPort, Email, Duration, Bytes, Semver}
}

// Want completes the sentence "it is not …" for a text that does not fit. It
// depends on the rule alone.
func Want(r spec.Rule) string {
	switch r.Type {
	case Int:
		return "an int, an int is a whole number"
	case Float:
		return "a float, a float is a decimal number"
	case Bool:
		return "a bool, a bool is true, false, 1 or 0"
	case Port:
		return "a port, a port is 1 to 65535"
	case URL:
		return wantURL(r.Schemes)
	case Host:
		return "a host, a host is a name or an IP address"
	case HostPort:
		return "a host:port, such as db.internal:5432 or [::1]:5432"
	case Email:
		return "an email, such as ops@example.com"
	case Duration:
		return "a duration, a duration is a number and its unit: ms, s, m or h"
	case Bytes:
		return "a size in bytes, such as 10MB or 64KiB"
	case Enum:
		return "one of " + strings.Join(r.Values, ", ")
	}
	return wantMore(r)
}

func wantURL(schemes []string) string {
	if len(schemes) == 0 {
		return "a url, a url has a scheme and a host"
	}
	return "a url that begins with " + strings.Join(schemes, ":// or ") + ":// and has a host"
}

// wantMore is Want for the types of text that has a form of its own.
func wantMore(r spec.Rule) string {
	switch r.Type {
	case Regex:
		return "a text that matches " + r.Pattern
	case Path:
		return wantPath(r)
	case JSON:
		if r.Schema != "" {
			return "JSON that fits its schema"
		}
		return "JSON"
	case Base64:
		return wantBase64(r.MinBytes)
	case List:
		return "a list of " + string(itemType(r)) + " items, separated by " + quoted(separator(r))
	case Cron:
		return "a cron schedule, such as 0 3 * * 1 or @daily"
	case Semver:
		return "a semver version, such as 1.2.3"
	}
	return "a text that a variable can hold"
}

func wantPath(r spec.Rule) string {
	switch {
	case r.Kind == "file":
		return "an absolute path to a file that exists"
	case r.Kind == "dir":
		return "an absolute path to a folder that exists"
	case r.Exists:
		return "an absolute path that exists"
	}
	return "a path"
}

// quoted names a separator.
func quoted(separator string) string {
	switch separator {
	case " ":
		return "spaces"
	case "\n":
		return "line ends"
	}
	return separator
}

func itemType(r spec.Rule) spec.ValueType {
	if r.Items == "" {
		return String
	}
	return r.Items
}

func separator(r spec.Rule) string {
	if r.Separator == "" {
		return ","
	}
	return r.Separator
}

func wantBase64(minBytes int) string {
	if minBytes > 0 {
		return "base64 of " + strconv.Itoa(minBytes) + " bytes or more"
	}
	return "base64"
}
