// Package env checks the environment against a schema of typed variables.
// Nothing of a secret, not even its length, appears in what it says.
package env

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/spec"
)

// A Variable is the schema of one environment variable.
type Variable struct {
	Name     string
	Type     spec.ValueType
	Values   []string // of an enum
	Required bool
	Default  *string
	Secret   bool
	Unused   bool           // declared, but of a scope that is not asked for: neither checked nor resolved
	At       fault.Position // of its declaration
}

// A Value is what a variable resolved to. It prints and encodes redacted when
// it is secret; only Text holds what it is.
type Value struct {
	Text   string
	From   string // a Source's name, or "default"
	Secret bool
}

const redacted = "[secret]"

// String is the text, or [secret].
func (v Value) String() string {
	if v.Secret {
		return redacted
	}
	return v.Text
}

// Format keeps a secret out of every verb.
func (v Value) Format(s fmt.State, verb rune) {
	fmt.Fprintf(s, fmt.FormatString(s, verb), v.String())
}

// MarshalJSON keeps a secret out of JSON.
func (v Value) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]string{"value": v.String(), "from": v.From})
}

// Check resolves every variable of the schema: from the first source that has
// a text for it (so the strongest source comes first), else from its default. The empty text counts as none. A
// variable without a value is not in the result. The error holds every fault,
// in a stable order.
func Check(schema []Variable, sources ...Source) (map[string]Value, error) {
	values := map[string]Value{}
	faults := undeclared(schema, sources)
	for _, v := range schema {
		if v.Unused {
			continue
		}
		value, at := resolve(v, sources)
		switch {
		case value.Text != "" && !v.Type.Fits(value.Text, v.Values):
			faults = append(faults, misfit(v, value, at))
		case value.Text != "":
			values[v.Name] = value
		case v.Required:
			faults = append(faults, absent(v))
		}
	}
	if len(faults) > 0 {
		return nil, faults.Err()
	}
	return values, nil
}

// resolve gives the value, and where it was written if that is known.
func resolve(v Variable, sources []Source) (Value, fault.Position) {
	for _, s := range sources {
		if text := s.Values[v.Name]; text != "" {
			return Value{text, s.Name, v.Secret}, s.At[v.Name]
		}
	}
	if v.Default != nil {
		return Value{*v.Default, "default", v.Secret}, fault.Position{}
	}
	return Value{}, fault.Position{}
}

func misfit(v Variable, value Value, at fault.Position) *fault.Fault {
	f := v.At.Cannot("use %s from %s: %s is not %s", v.Name, value.From, shown(v, value), v.Type.Misfit(v.Values))
	if at.File != "" {
		return f.WithHint("correct it in %s", at)
	}
	return f.WithHint("give another value, or change its type")
}

// shown is the text where that is harmless. A URL may hold a password.
func shown(v Variable, value Value) string {
	if v.Secret || v.Type == spec.URL {
		return "it"
	}
	if r := []rune(value.Text); len(r) > 60 {
		return strconv.Quote(string(r[:60]) + "…")
	}
	return strconv.Quote(value.Text)
}

func absent(v Variable) *fault.Fault {
	f := v.At.Cannot("find a value for %s: it is required", v.Name)
	if v.Secret {
		return f.WithHint("export %s, or put it in a file for --env-file", v.Name)
	}
	return f.WithHint("export %s, or give --env %s=VALUE", v.Name, v.Name)
}

// undeclared finds names that somebody gave on purpose and no schema knows.
func undeclared(schema []Variable, sources []Source) (faults fault.List) {
	known := make([]string, len(schema))
	for i, v := range schema {
		known[i] = v.Name
	}
	for _, s := range sources {
		if s.Ambient {
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(s.Values)) {
			if !slices.Contains(known, name) {
				f := s.At[name].Cannot("use %s from %s: it is not declared", name, s.Name)
				f.Hint = cmp.Or(meant(name, known), "declare it in sandwright.yaml: env: {"+name+": {}}")
				faults = append(faults, f)
			}
		}
	}
	return faults
}

func meant(name string, known []string) string {
	if near := fault.Nearest(name, known); near != "" {
		return "did you mean " + near + "?"
	}
	return ""
}
