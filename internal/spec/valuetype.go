package spec

import (
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A ValueType is what the text of an environment variable must be. The zero
// ValueType is String.
type ValueType string

// The types of a variable.
const (
	String ValueType = "string"
	Int    ValueType = "int"   // a whole number of 64 bits
	Float  ValueType = "float" // a finite decimal number
	Bool   ValueType = "bool"  // true, false, 1 or 0
	Port   ValueType = "port"  // 1 to 65535
	URL    ValueType = "url"   // with a scheme and a host
	Enum   ValueType = "enum"  // one of the values listed with it
)

// ValueTypes lists every type.
func ValueTypes() []ValueType { return []ValueType{String, Int, Float, Bool, Port, URL, Enum} }

// Fits tells whether text is a t; values are those of an enum.
func (t ValueType) Fits(text string, values []string) bool {
	switch t {
	case Int:
		_, err := strconv.ParseInt(text, 10, 64)
		return err == nil
	case Float:
		return isFloat(text)
	case Bool:
		return slices.Contains([]string{"true", "false", "1", "0"}, text)
	case Port:
		n, err := strconv.ParseUint(text, 10, 16)
		return err == nil && n > 0
	case URL:
		u, err := url.Parse(text)
		return err == nil && u.Scheme != "" && u.Host != ""
	case Enum:
		return slices.Contains(values, text)
	}
	return t == String || t == ""
}

// Misfit completes the sentence "this is not …" for a text that does not fit.
// It never holds the text.
func (t ValueType) Misfit(values []string) string {
	switch t {
	case Int:
		return "an int, an int is a whole number"
	case Float:
		return "a float, a float is a decimal number"
	case Bool:
		return "a bool, a bool is true, false, 1 or 0"
	case Port:
		return "a port, a port is 1 to 65535"
	case URL:
		return "a url, a url has a scheme and a host"
	case Enum:
		return "one of " + strings.Join(values, ", ")
	}
	return "a " + string(t)
}

// isFloat refuses what strconv takes and few programs do: NaN, Inf, 0x1p2.
func isFloat(text string) bool {
	decimal := regexp.MustCompile(`^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$`)
	_, err := strconv.ParseFloat(text, 64)
	return err == nil && decimal.MatchString(text)
}
