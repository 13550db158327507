// Package env resolves variables from the layers that they may come from, and
// checks them against a schema. Nothing of a secret, not even its length,
// appears in what it says.
package env

import (
	"encoding/json"
	"fmt"
	"io/fs"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/vartype"
)

// A Value is what a variable resolved to. It prints and encodes redacted when
// it is secret; only Text holds what it is.
type Value struct {
	Text   string
	From   string // completes "PORT from …": a layer, "default" or "default-from NAME"
	Secret bool
	Given  bool // by a layer, and not by the schema
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

// A Result is what a schema resolved to. A variable without a value is not in it.
type Result struct {
	Values  map[string]Value            // of Schema.Variables
	Own     map[string]map[string]Value // of each service's own
	Notices []string                    // about deprecated variables that are given
}

// A Resolver resolves schemas. The zero Resolver looks at no path.
type Resolver struct {
	// Stat is asked about variables that are paths; nil: nothing is.
	Stat func(path string) (fs.FileInfo, error)
}

// Resolve gives every variable its value: from the first source that has a
// text for it (so the strongest source comes first), else from its default,
// else from that which default-from names. The empty text counts as none where
// it is not allowed. The error holds every fault, in a stable order.
func (r Resolver) Resolve(schema Schema, sources ...Source) (Result, error) {
	result, faults := r.resolve(schema, sources)
	if len(faults) > 0 {
		return Result{Notices: result.Notices}, faults.Err()
	}
	return result, nil
}

// resolve gives what is without fault, and the faults.
func (r Resolver) resolve(schema Schema, sources []Source) (Result, fault.List) {
	run := &resolution{sources: sources, types: &vartype.Checker{Stat: r.Stat}, inBox: schema.InBox}
	for _, source := range sources {
		run.madeOf = append(run.madeOf, source.madeOf(schema))
	}
	run.faults = undeclared(schema, sources)
	all := run.scope("", nil, schema.Variables)
	result := Result{Values: all.check(), Own: map[string]map[string]Value{}}
	for _, svc := range schema.Services {
		result.Own[svc.Name] = run.scope(svc.Name, all.only(svc.Sees), svc.Own).check()
	}
	result.Notices = run.notices
	return result, run.faults
}

// A resolution is one run of Resolve.
type resolution struct {
	sources []Source
	types   *vartype.Checker
	madeOf  []map[string]string // of each source
	inBox   bool
	faults  fault.List
	notices []string
}

// A scope is variables that may speak of each other: those of one service and
// what it sees of the others.
type scope struct {
	*resolution
	service string // whose own; empty: those of the file
	vars    []Variable
	known   map[string]*Variable
	found   map[string]outcome
}

// An outcome is what is known of one variable.
type outcome struct {
	value Value
	set   bool
	bad   bool // a fault was said, or follows from one that was
	at    fault.Position
}

func (run *resolution) scope(service string, seen map[string]outcome, vars []Variable) *scope {
	s := &scope{run, service, vars, map[string]*Variable{}, map[string]outcome{}}
	for name, o := range seen {
		s.found[name] = o
	}
	for i := range vars {
		s.known[vars[i].Name] = &vars[i]
		delete(s.found, vars[i].Name)
	}
	return s
}

// only is what was found of some variables.
func (s *scope) only(names []string) map[string]outcome {
	out := map[string]outcome{}
	for _, name := range names {
		out[name] = s.found[name]
	}
	return out
}

// check resolves each variable, and then asks what has to be there.
func (s *scope) check() map[string]Value {
	for i := range s.vars {
		s.resolve(s.vars[i].Name)
	}
	values := map[string]Value{}
	for i := range s.vars {
		v := &s.vars[i]
		o := s.found[v.Name]
		switch {
		case v.Unused || o.bad:
		case o.set:
			values[v.Name] = o.value
			s.deprecated(v, o.value)
		default:
			s.absent(v)
		}
	}
	return values
}

// resolve finds the value of one variable and looks whether it fits. A chain
// of default-from that ends nowhere gives none.
func (s *scope) resolve(name string) outcome {
	if o, ok := s.found[name]; ok {
		return o
	}
	v := s.known[name]
	if v == nil || v.Unused {
		return outcome{}
	}
	s.found[name] = outcome{}
	o := s.look(v)
	if o.set && !o.bad && o.value.Text != "" {
		if ok, detail := s.types.Fits(v.Rule, o.value.Text); !ok {
			o.bad = true
			s.faults = append(s.faults, s.misfit(v, o, detail))
		}
	}
	s.found[name] = o
	return o
}

// look gives the value, and where it was written if that is known.
func (s *scope) look(v *Variable) outcome {
	for i, source := range s.sources {
		if text, ok := source.Values[v.Name]; ok && (text != "" || v.AllowEmpty) {
			return s.open(v, s.madeOf[i][v.Name], outcome{value: Value{text, source.origin(v.Name), v.Secret, true}, set: true, at: source.At[v.Name]})
		}
		if source.Failed[v.Name] {
			return outcome{bad: true} // said already
		}
	}
	if v.Default != nil && (*v.Default != "" || v.AllowEmpty) {
		return outcome{value: Value{*v.Default, "default", v.Secret, false}, set: true}
	}
	if v.DefaultFrom == "" {
		return outcome{}
	}
	o := s.resolve(v.DefaultFrom)
	o.value.From, o.value.Secret, o.value.Given, o.at = "default-from "+v.DefaultFrom, v.Secret || o.value.Secret, false, fault.Position{}
	return o
}

// open refuses a value that was made of a secret, where it would not be one.
func (s *scope) open(v *Variable, secret string, o outcome) outcome {
	if v.Secret || secret == "" {
		return o
	}
	o.value.Secret, o.bad = true, true
	what := fmt.Sprintf("use %s from %s: %s stands in it, which is a secret", s.label(v), o.value.From, secret)
	s.faults = append(s.faults, s.fault(v, "secret", o.value.From, what).WithHint("set secret: true for %s too", v.Name))
	return o
}

// deprecated gives a notice about one that somebody still gives.
func (s *scope) deprecated(v *Variable, value Value) {
	if v.Deprecated == nil || !value.Given {
		return
	}
	notice := fmt.Sprintf("%s: %s from %s is deprecated", v.Pos, s.label(v), value.From)
	if *v.Deprecated != "" {
		notice += ": " + *v.Deprecated
	}
	s.notices = append(s.notices, notice)
}

// label names a variable, with the service that it belongs to.
func (s *scope) label(v *Variable) string {
	if s.service == "" {
		return v.Name
	}
	return v.Name + " of " + s.service
}
