package env

import (
	"slices"
	"strconv"
	"strings"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/spec"
)

// A Variable is one to resolve.
type Variable struct {
	spec.Variable
	Pos        fault.Position // of its declaration
	Example    string
	Deprecated *string // what to use instead; nil: it is not
	Provider   Provider
	Unused     bool // declared, but of a scope that is not asked for: neither checked nor resolved
}

// A Schema is every variable of a file, or of a box.
type Schema struct {
	Variables []Variable
	Services  []Service // those with variables of their own
	InBox     bool      // PID 1 checks: hints speak to who starts the box
}

// A Service has variables of its own, over those that it sees of the schema.
type Service struct {
	Name string
	Sees []string
	Own  []Variable
}

// FromSpec is the schema that was compiled into an image.
func FromSpec(s spec.Spec) Schema {
	out := Schema{Variables: fromSpec(s.Variables), InBox: true}
	for _, svc := range s.Services {
		if len(svc.Variables) > 0 {
			out.Services = append(out.Services, Service{svc.Name, svc.EnvFrom, fromSpec(svc.Variables)})
		}
	}
	return out
}

func fromSpec(vars []spec.Variable) []Variable {
	out := make([]Variable, len(vars))
	for i, v := range vars {
		out[i] = Variable{Variable: v, Pos: positionOf(v.At)}
	}
	return out
}

// positionOf reads file:line:column, so that faults come in the file's order.
func positionOf(at string) fault.Position {
	file, column, ok := cutNumber(at)
	if ok {
		if file, line, ok := cutNumber(file); ok {
			return fault.Position{File: file, Line: line, Column: column}
		}
	}
	return fault.Position{File: at}
}

func cutNumber(at string) (before string, n int, ok bool) {
	i := strings.LastIndexByte(at, ':')
	if i < 0 {
		return at, 0, false
	}
	n, err := strconv.Atoi(at[i+1:])
	return at[:i], n, err == nil && n > 0
}

// all is every variable, those of services among them.
func (s Schema) all() []Variable {
	out := slices.Clone(s.Variables)
	for _, svc := range s.Services {
		out = append(out, svc.Own...)
	}
	return out
}

// secrets are the names of those that are secret.
func (s Schema) secrets() (out []string) {
	for _, v := range s.all() {
		if v.Secret {
			out = append(out, v.Name)
		}
	}
	return out
}

// names lists every declared name.
func (s Schema) names() []string {
	var out []string
	for _, v := range s.all() {
		out = append(out, v.Name)
	}
	return out
}
