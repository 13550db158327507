package env

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/spec"
	"github.com/sandwright/sandwright/internal/vartype"
)

// A Problem is what a fault about a variable is about, for errors.As.
type Problem struct {
	Variable string // its name
	Service  string // whose own it is; empty: the file's
	Rule     string // the key of the schema that it breaks: type, required, required-if or secret; env: it is not declared
	Source   string // the layer of its value; empty: it has none
}

func (p *Problem) Error() string { return p.Variable + ": " + p.Rule }

func (s *scope) fault(v *Variable, rule, source, what string) *fault.Fault {
	f := v.Pos.Cannot("%s", what)
	f.Err = &Problem{v.Name, s.service, rule, source}
	return f
}

func (s *scope) misfit(v *Variable, o outcome, detail string) *fault.Fault {
	what := fmt.Sprintf("use %s from %s: %s is not %s", s.label(v), o.value.From, shown(v, o.value), vartype.Want(v.Rule))
	if detail != "" && !hidden(v, o.value) {
		what += ": " + clip(detail)
	}
	f := s.fault(v, "type", o.value.From, what)
	example := cmp.Or(v.Example, text(v.Default))
	switch {
	case s.inBox:
		return f.WithHint("start the sandbox with another %s", v.Name)
	case o.at.File != "" && example != "":
		return f.WithHint("correct it in %s, such as %s=%s", o.at, v.Name, example)
	case o.at.File != "":
		return f.WithHint("correct it in %s", o.at)
	case example != "" && o.value.Given:
		return f.WithHint("give %s another value, such as %s=%s", v.Name, v.Name, example)
	}
	return f.WithHint("give %s another value, or change its type", v.Name)
}

func text(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

// hidden tells whether nothing of the value may be shown. A URL may hold a
// password.
func hidden(v *Variable, value Value) bool {
	return v.Secret || value.Secret || v.Type == vartype.URL || v.Items == vartype.URL
}

// shown is the text where that is harmless.
func shown(v *Variable, value Value) string {
	if hidden(v, value) {
		return "it"
	}
	return strconv.Quote(clip(value.Text))
}

// clip keeps the start of a long text.
func clip(text string) string {
	return fault.Clip(text, 60)
}

// absent says that a variable without a value needs one, where it does.
func (s *scope) absent(v *Variable) {
	rule, why := "required", "it is required"
	if !v.Required {
		rule, why = "required-if", "it is required where "+s.conditions(v)
	}
	if !v.Required && !s.holds(v.RequiredIf) {
		return
	}
	f := s.fault(v, rule, "", "find a value for "+s.label(v)+": "+why)
	switch near := s.misspelled(v); {
	case near != "":
		f.WithHint("%s", near)
	case s.inBox:
		f.WithHint("start the sandbox with %s", v.Name)
	case v.Secret:
		f.WithHint("export %s, or %s_FILE with the path of a file that holds it, or put it in a file for --env-file", v.Name, v.Name)
	default:
		f.WithHint("export %s, or give --env %s=%s", v.Name, v.Name, cmp.Or(v.Example, "VALUE"))
	}
	s.faults = append(s.faults, f)
}

// holds tells whether there are conditions and all of them are met. One on a
// variable that has a fault is not.
func (s *scope) holds(conditions []spec.When) bool {
	for _, w := range conditions {
		o := s.resolve(w.Name)
		if o.bad || !o.set || len(w.Values) > 0 && !slices.Contains(w.Values, o.value.Text) {
			return false
		}
	}
	return len(conditions) > 0
}

func (s *scope) conditions(v *Variable) string {
	var out []string
	for _, w := range v.RequiredIf {
		if len(w.Values) == 0 {
			out = append(out, w.Name+" has a value")
		} else {
			out = append(out, w.Name+" is "+strings.Join(w.Values, " or "))
		}
	}
	return strings.Join(out, " and ")
}

// misspelled looks for a name in sources that hold much else.
func (s *scope) misspelled(v *Variable) string {
	for _, source := range s.sources {
		if !source.Ambient {
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(source.Values)) {
			if source.Values[name] != "" && s.known[name] == nil && fault.Nearest(name, []string{v.Name}) != "" {
				return "did you mean " + v.Name + "? " + source.Name + " has " + name
			}
		}
	}
	return ""
}

// undeclared finds names that somebody gave on purpose and no schema knows. In
// a source that others read too, only what looks like a slip is one.
func undeclared(schema Schema, sources []Source) (faults fault.List) {
	known := schema.names()
	for _, s := range sources {
		if s.Ambient {
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(s.Values)) {
			if slices.Contains(known, name) || s.Others[name] {
				continue
			}
			near := fault.Nearest(name, s.lacking(known))
			if s.Loose && near == "" {
				continue
			}
			faults = append(faults, s.unknown(name, near))
		}
	}
	return faults
}

// unknown says that no schema has a name. In a file, what does not look like
// one may be the second line of a secret, so only its place is said.
func (s Source) unknown(name, near string) *fault.Fault {
	if s.At != nil && near == "" && strings.ToUpper(name) != name {
		f := s.At[name].Cannot("use the variable of this line from %s: it is not declared", s.Name)
		f.Err = &Problem{Rule: "env", Source: s.Name}
		return f.WithHint("declare it in sandwright.yaml, or put a value of several lines in quotes")
	}
	f := s.At[name].Cannot("use %s from %s: it is not declared", name, s.Name)
	f.Err = &Problem{Variable: name, Rule: "env", Source: s.Name}
	if near != "" {
		return f.WithHint("did you mean %s?", near)
	}
	return f.WithHint("declare it in sandwright.yaml: env: {%s: {}}", name)
}

// lacking is the names that a loose source does not have beside the one that
// looks like it; for others all of them.
func (s Source) lacking(known []string) []string {
	if !s.Loose {
		return known
	}
	return slices.DeleteFunc(slices.Clone(known), func(name string) bool { _, ok := s.Values[name]; return ok })
}
