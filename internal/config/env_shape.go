package config

import (
	"slices"

	"go.yaml.in/yaml/v4"

	"github.com/sandwright/sandwright/internal/spec"
)

// A oneOrMore is one text, or a list of them without one twice.
type oneOrMore struct{ of scalar[string] }

func (o oneOrMore) schema() *schema {
	return &schema{
		takes: o.of.takes + ", or a list of them",
		AnyOf: []*schema{o.of.schema(), {Type: "array", Items: o.of.schema(), takes: "a list"}},
	}
}

func (o oneOrMore) decode(d *decoder, p keyPath, n *yaml.Node) []string {
	value := n
	if n.Kind == yaml.AliasNode {
		value = n.Alias
	}
	if value.Kind != yaml.SequenceNode {
		one := o.of
		one.takes = o.of.takes + ", or a list of them"
		if text := one.decode(d, p, n); text != "" {
			return []string{text}
		}
		return nil
	}
	found := list[string]{of: o.of, head: o.of}.decode(d, p, n)
	slices.Sort(found)
	return slices.Compact(found)
}

// A whenShape is the name of a variable, or a mapping from names to the
// values that they have.
type whenShape struct{}

func (whenShape) schema() *schema {
	name := anyText("a variable's name")
	values := oneOrMore{anyText("a value")}
	return &schema{takes: "a variable's name, or a mapping from NAME to a value or a list of them", AnyOf: []*schema{
		name.schema(), {Type: "object", AdditionalProperties: values.schema(), names: "NAME", takes: "a mapping"},
	}}
}

func (w whenShape) decode(d *decoder, p keyPath, n *yaml.Node) []spec.When {
	value := n
	if n.Kind == yaml.AliasNode {
		value = n.Alias
	}
	if value.Kind != yaml.MappingNode {
		name := anyText("a variable's name")
		name.takes = w.schema().takes
		return []spec.When{{Name: name.decode(d, p, n)}}
	}
	entries, _, _ := d.mapping(p, n)
	var out []spec.When
	for _, e := range entries {
		out = append(out, spec.When{Name: e.name, Values: oneOrMore{anyText("a value")}.decode(d, p.child(e.name), e.value)})
	}
	return out
}

// A serviceEnvMapping is a mapping from names to fixed values and variables.
type serviceEnvMapping struct {
	name  func(string) *reason
	fixed scalar[string]
	own   object[Variable]
}

func serviceEnvShape() serviceEnvMapping {
	return serviceEnvMapping{variableName(), anyText("a text or a mapping"), ownVariableShape()}
}

func (m serviceEnvMapping) schema() *schema {
	own := m.own.schema()
	own.like = "env.NAME"
	of := &schema{takes: m.fixed.takes, AnyOf: []*schema{m.fixed.schema(), own}}
	return &schema{Type: "object", AdditionalProperties: of, names: "NAME", takes: "a mapping"}
}

func (m serviceEnvMapping) decode(d *decoder, p keyPath, n *yaml.Node) (out ServiceEnv) {
	entries, _, ok := d.mapping(p, n)
	if !ok {
		return out
	}
	out.Env = map[string]string{}
	for _, e := range entries {
		if bad := m.name(e.name); bad != nil {
			d.cannot(e.key, "use %q as a name in %s: %s", clip(e.name), label(p), bad.why).Hint = bad.hint
		}
		value := e.value
		if value.Kind == yaml.AliasNode {
			value = value.Alias
		}
		if value.Kind == yaml.MappingNode {
			v := m.own.decode(d, p.child(e.name), e.value)
			v.Scope = []string{ScopeRun}
			if out.Vars == nil {
				out.Vars = map[string]Variable{}
			}
			out.Vars[e.name] = v
			continue
		}
		out.Env[e.name] = m.fixed.decode(d, p.child(e.name), e.value)
	}
	return out
}

// plain is a value of YAML as JSON has it. Every value counts, so that
// aliases written out are bounded.
func (d *decoder) plain(n *yaml.Node) (any, bool) {
	n, ok := d.enter(n)
	if !ok {
		return nil, false
	}
	switch n.Kind {
	case yaml.SequenceNode:
		out := make([]any, 0, len(n.Content))
		for _, item := range n.Content {
			value, ok := d.plain(item)
			if !ok {
				return nil, false
			}
			out = append(out, value)
		}
		return out, true
	case yaml.MappingNode:
		return d.plainMapping(n)
	}
	return d.plainScalar(n)
}

func (d *decoder) plainMapping(n *yaml.Node) (any, bool) {
	out := make(map[string]any, len(n.Content)/2)
	for pair := range slices.Chunk(n.Content, 2) {
		if !d.usableKey(pair[0]) {
			return nil, false
		}
		value, ok := d.plain(pair[1])
		if !ok {
			return nil, false
		}
		out[pair[0].Value] = value
	}
	return out, true
}

func (d *decoder) plainScalar(n *yaml.Node) (any, bool) {
	var value any
	switch n.ShortTag() {
	case "!!str":
		return n.Value, true
	case "!!int", "!!float", "!!bool", "!!null":
		if n.Decode(&value) == nil {
			return value, true
		}
	}
	d.cannot(n, "use %s here: JSON has no such value", kindWords(n))
	return nil, false
}
