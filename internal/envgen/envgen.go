// Package envgen writes what others read of the schema of variables: an
// example of a .env file, a table for people, a JSON Schema, and parsers in
// TypeScript and Go. It is pure: the same schema gives the same bytes.
package envgen

import (
	"maps"
	"slices"
	"strings"

	"github.com/sandwright/sandwright/internal/config"
	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/spec"
	"github.com/sandwright/sandwright/internal/vartype"
)

// An Entry is one declaration of a variable.
type Entry struct {
	Name    string
	Service string // whose own it is; empty: the file's
	config.Variable
}

// A Generator writes one kind of file.
type Generator struct {
	Name  string
	About string
	Code  bool // a program reads it, for which a name means one thing
	Write func(entries []Entry, o Options) ([]byte, error)
}

// Options are what a kind of file needs beyond the schema.
type Options struct {
	Package string // of Go
}

// Generators lists every kind.
func Generators() []Generator {
	return []Generator{
		{"dotenv", "a .env file to copy, without secrets", false, dotenv},
		{"markdown", "a table for people", false, markdown},
		{"json-schema", "a JSON Schema of the environment as an object", true, jsonSchema},
		{"typescript", "types and a parser that needs nothing else", true, typescript},
		{"go", "a struct and a parser that needs nothing else", true, golang},
	}
}

// All is every declaration whose scope is one of the scopes, sorted by name.
func All(f *config.File, scopes []string) []Entry {
	var out []Entry
	for _, name := range slices.Sorted(maps.Keys(f.Env)) {
		if v := f.Env[name]; slices.ContainsFunc(scopes, v.In) {
			out = append(out, Entry{name, "", v})
		}
	}
	for _, service := range slices.Sorted(maps.Keys(f.Services)) {
		vars := f.Services[service].Vars
		for _, name := range slices.Sorted(maps.Keys(vars)) {
			if v := vars[name]; slices.ContainsFunc(scopes, v.In) {
				out = append(out, Entry{name, service, v})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// SeenBy is what a service reads.
func SeenBy(f *config.File, service string) []Entry {
	return slices.DeleteFunc(All(f, []string{config.ScopeRun}), func(e Entry) bool {
		return e.Service != service && (e.Service != "" || !f.SeenBy(service, e.Name))
	})
}

// Once refuses names that are declared more than once.
func Once(f *config.File, entries []Entry) error {
	var faults fault.List
	for i := 1; i < len(entries); i++ {
		if a, b := entries[i-1], entries[i]; a.Name == b.Name {
			faults = append(faults, f.At("services", b.Service, "env", b.Name).
				Cannot("generate a parser: %s is declared more than once", b.Name).WithHint("choose one service, with --service %s", b.Service))
		}
	}
	return faults.Err()
}

// always tells whether a variable has a value wherever the schema is met.
func always(e Entry, all []Entry) bool {
	for range all {
		if e.Required || e.Default != nil && (*e.Default != "" || e.AllowEmpty) {
			return true
		}
		i := slices.IndexFunc(all, func(other Entry) bool { return other.Name == e.DefaultFrom })
		if i < 0 {
			return false
		}
		e = all[i]
	}
	return false
}

// lines are the lines of a text for people.
func lines(text string) []string {
	return strings.FieldsFunc(strings.ReplaceAll(text, "\r", "\n"), func(r rune) bool { return r == '\n' })
}

// about is what people should know of a variable, line by line.
func about(e Entry) []string {
	out := lines(e.Description)
	if e.Deprecated != nil {
		out = append(out, strings.TrimSuffix("Deprecated: "+strings.Join(lines(*e.Deprecated), " "), ": "))
	}
	return out
}

// kind is the type in words, with its parameters.
func kind(r spec.Rule) string {
	switch r.Type {
	case vartype.Enum:
		return "one of " + strings.Join(r.Values, ", ")
	case vartype.List:
		return vartype.Want(r)[len("a "):]
	case vartype.URL, vartype.Base64, vartype.Regex:
		if len(r.Schemes) > 0 || r.MinBytes > 0 || r.Pattern != "" {
			return strings.TrimPrefix(strings.TrimPrefix(vartype.Want(r), "a "), "an ")
		}
	}
	return string(r.Type)
}

// when is required-if in words.
func when(conditions []spec.When) string {
	var out []string
	for _, w := range conditions {
		if len(w.Values) == 0 {
			out = append(out, w.Name+" has a value")
		} else {
			out = append(out, w.Name+" is "+strings.Join(w.Values, " or "))
		}
	}
	return strings.Join(out, " and ")
}
