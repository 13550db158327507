package config

import (
	"regexp"
	"slices"
	"strconv"

	"go.yaml.in/yaml/v4"

	"github.com/sandwright/sandwright/internal/fault"
)

// A shape is one kind of value that the file may hold. The same shapes read
// the file, make the JSON Schema and fill the reference.
type shape[V any] interface {
	// decode reads n. What is wrong goes to d, and the zero V comes back.
	decode(d *decoder, p keyPath, n *yaml.Node) V
	// schema describes the shape to editors and people.
	schema() *schema
}

// A reason is why a text cannot be used, and what to write instead.
type reason struct{ why, hint string }

// A scalar is a value that stands in one text.
type scalar[V any] struct {
	takes string                         // completes "port takes …"
	tags  []string                       // YAML's tags that it may have; none: any but null
	parse func(text string) (V, *reason) // of the text as it was written
	json  schema
}

func (s scalar[V]) schema() *schema {
	out := s.json
	out.takes = s.takes
	return &out
}

func (s scalar[V]) decode(d *decoder, p keyPath, n *yaml.Node) (v V) {
	n, ok := d.expect(p, n, yaml.ScalarNode, s.takes)
	if !ok {
		return v
	}
	if n.ShortTag() == "!!null" || len(s.tags) > 0 && !slices.Contains(s.tags, n.ShortTag()) {
		d.misfit(p, n, s.takes)
		return v
	}
	v, bad := s.parse(n.Value)
	if bad == nil {
		return v
	}
	f := d.cannot(n, "use %s: %s", shown(p, n), bad.why)
	if bad.hint != "" {
		f.WithHint("%s", bad.hint)
	}
	var zero V
	return zero
}

// shown is the value with its key, shortened.
func shown(p keyPath, n *yaml.Node) string {
	text := strconv.Quote(clip(n.Value))
	if n.ShortTag() == "!!int" {
		text = clip(n.Value)
	}
	if label(p) != p.name() {
		return text + " in " + p.parent().name()
	}
	return p.name() + " " + text
}

// clip keeps the start of a long text, and no user and password of a URL.
func clip(text string) string {
	text = regexp.MustCompile(`//[^/@]*@`).ReplaceAllString(text, "//…@")
	return fault.Clip(text, 60)
}

// A list is a sequence of one shape.
type list[V any] struct {
	of   shape[V]
	head shape[V]                 // of the first item, which then must be there; nil: as the others
	hint func(text string) string // for a text that stands where a list should; may be nil
}

func (l list[V]) schema() *schema {
	return &schema{Type: "array", Items: l.of.schema(), takes: "a list"}
}

func (l list[V]) decode(d *decoder, p keyPath, n *yaml.Node) []V {
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!str" && l.hint != nil {
		d.misfit(p, n, "a list").WithHint("%s", l.hint(n.Value))
		return nil
	}
	n, ok := d.expect(p, n, yaml.SequenceNode, "a list")
	if !ok {
		return nil
	}
	if l.head != nil && len(n.Content) == 0 {
		d.cannot(n, "use an empty list here: %s takes at least one item", label(p))
	}
	var out []V
	for i, item := range n.Content {
		key := p.child(strconv.Itoa(i))
		d.positions[key.id()] = at(d.file, item)
		of := l.of
		if i == 0 && l.head != nil {
			of = l.head
		}
		out = append(out, of.decode(d, key, item))
	}
	return out
}

// A dict is a mapping whose keys the user chooses.
type dict[V any] struct {
	key   func(name string) *reason
	of    shape[V]
	names string // what stands for a key in the reference, such as NAME
}

func (m dict[V]) schema() *schema {
	return &schema{Type: "object", AdditionalProperties: m.of.schema(), names: m.names, takes: "a mapping"}
}

func (m dict[V]) decode(d *decoder, p keyPath, n *yaml.Node) map[string]V {
	entries, _, ok := d.mapping(p, n)
	if !ok {
		return nil
	}
	out := make(map[string]V, len(entries))
	for _, e := range entries {
		if bad := m.key(e.name); bad != nil {
			d.cannot(e.key, "use %q as a name in %s: %s", clip(e.name), label(p), bad.why).Hint = bad.hint
		}
		out[e.name] = m.of.decode(d, p.child(e.name), e.value)
	}
	return out
}

// An optional is a shape whose absence means something.
type optional[V any] struct{ of shape[V] }

func (o optional[V]) schema() *schema { return o.of.schema() }

func (o optional[V]) decode(d *decoder, p keyPath, n *yaml.Node) *V {
	v := o.of.decode(d, p, n)
	return &v
}

// A form is a value that is written either as one text or as a mapping.
type form[V any] struct {
	takes string // both ways, in words
	text  scalar[V]
	long  shape[V]
}

func (f form[V]) schema() *schema {
	return &schema{takes: f.takes, AnyOf: []*schema{f.text.schema(), f.long.schema()}}
}

func (f form[V]) decode(d *decoder, p keyPath, n *yaml.Node) V {
	value := n
	if n.Kind == yaml.AliasNode {
		value = n.Alias
	}
	if value.Kind == yaml.MappingNode {
		return f.long.decode(d, p, n)
	}
	text := f.text
	text.takes = f.takes
	return text.decode(d, p, n)
}
