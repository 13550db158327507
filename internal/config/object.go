package config

import (
	"cmp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/sandwright/sandwright/internal/fault"
)

// An object is a mapping whose keys are known.
type object[T any] struct {
	fields []field[T]
	either []string           // keys of which exactly one is given
	later  []string           // keys of later versions
	never  map[string]refusal // keys that people look for here in vain
	others map[string]string  // what other tools call a key
	like   string             // where the reference has the same keys already
}

// A refusal is why a key that others have is none here.
type refusal struct {
	why, hint string
	stands    bool // it is given in the place of one of either
}

// A field is one known key: what people read about it, and how it is read.
type field[T any] struct {
	key       string
	about     string // one sentence or two, for the reference
	example   string // its value, as YAML
	required  bool
	fallback  string // the value that an absent key has, as YAML
	otherwise string // the same in words, where other keys decide it
	decode    func(d *decoder, p keyPath, n *yaml.Node, into *T)
	schema    func() *schema
}

// key makes the field that is read by s into the place that at gives.
func key[T, V any](name string, at func(*T) *V, s shape[V], about string) field[T] {
	return field[T]{
		key:    name,
		about:  about,
		decode: func(d *decoder, p keyPath, n *yaml.Node, into *T) { *at(into) = s.decode(d, p, n) },
		schema: s.schema,
	}
}

func (f field[T]) must() field[T]                { f.required = true; return f }
func (f field[T]) or(yaml string) field[T]       { f.fallback = yaml; return f }
func (f field[T]) otherwiseIs(w string) field[T] { f.otherwise = w; return f }
func (f field[T]) such(example string) field[T]  { f.example = example; return f }

func (o object[T]) decode(d *decoder, p keyPath, n *yaml.Node) (v T) {
	entries, n, ok := d.mapping(p, n)
	if !ok {
		return v
	}
	given := map[string]*yaml.Node{}
	meant := map[string]bool{} // keys that were misspelled
	for _, e := range entries {
		given[e.name] = e.value
		if !slices.Contains(o.keys(), e.name) {
			meant[o.unknown(d, p, e)] = true
		}
	}
	for _, f := range o.fields {
		value, ok := given[f.key]
		switch {
		case ok:
			f.decode(d, p.child(f.key), value, &v)
		case f.required && !meant[f.key]:
			d.cannot(n, "find %s: %s needs it", f.key, label(p)).WithHint("add %s: %s", f.key, f.example)
		case f.fallback != "":
			f.decode(d, p.child(f.key), literal(f.fallback), &v)
		}
	}
	o.checkEither(d, p, n, given, meant)
	return v
}

// checkEither wants exactly one of the keys that exclude each other.
func (o object[T]) checkEither(d *decoder, p keyPath, n *yaml.Node, given map[string]*yaml.Node, meant map[string]bool) {
	count := 0
	for _, k := range o.either {
		if given[k] != nil || meant[k] {
			count++
		}
	}
	for k := range given {
		if o.never[k].stands && count == 0 {
			return // said already
		}
	}
	if len(o.either) > 0 && count != 1 {
		d.cannot(n, "use %s: it takes %s", label(p), oneWord(o.either)).WithHint("give one of them%s", o.instance(count))
	}
}

// oneWord says that one of the keys is taken.
func oneWord(keys []string) string {
	all := strings.Join(keys[:len(keys)-1], ", ") + " or " + keys[len(keys)-1]
	if len(keys) == 2 {
		return "either " + all
	}
	return "exactly one of " + all
}

// instance shows the first key of either where none is given.
func (o object[T]) instance(count int) string {
	for _, f := range o.fields {
		if f.key == o.either[0] && count == 0 {
			return ", such as " + f.key + ": " + f.example
		}
	}
	return ""
}

// literal is the node of a fallback: {} or a plain scalar.
func literal(text string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Value: text}
	switch {
	case text == "{}":
		n.Kind = yaml.MappingNode
	case text == "true" || text == "false":
		n.Tag = "!!bool"
	case isIndex(text):
		n.Tag = "!!int"
	default:
		n.Tag = "!!str"
	}
	return n
}

func (o object[T]) keys() []string {
	var keys []string
	for _, f := range o.fields {
		keys = append(keys, f.key)
	}
	return keys
}

// unknown says what the key could have been, and gives the known key that it
// most likely is.
func (o object[T]) unknown(d *decoder, p keyPath, e entry) string {
	if slices.Contains(o.later, e.name) {
		d.cannot(e.key, "use the key %s in %s: not supported by this version", e.name, label(p)).WithHint("remove it")
		return ""
	}
	if never, ok := o.never[e.name]; ok {
		d.cannot(e.key, "use the key %s in %s: %s", e.name, label(p), never.why).WithHint("%s", never.hint)
		return ""
	}
	f := d.cannot(e.key, "use the key %q: %s has no such key", clip(e.name), label(p))
	near := cmp.Or(o.others[e.name], fault.Nearest(e.name, o.keys()))
	if near == "" {
		f.WithHint("known keys: %s", strings.Join(o.keys(), ", "))
		return ""
	}
	f.WithHint("did you mean %s?", near)
	return near
}

func (o object[T]) schema() *schema {
	out := &schema{Type: "object", AdditionalProperties: false, takes: "a mapping", like: o.like}
	for _, f := range o.fields {
		s := f.schema()
		s.Description, s.example, s.otherwise = f.about, f.example, f.otherwise
		if f.required {
			out.Required = append(out.Required, f.key)
		}
		if f.fallback != "" {
			s.Default = plainValue(f.fallback)
		}
		out.Properties = append(out.Properties, property{f.key, s})
	}
	for _, k := range o.either {
		out.OneOf = append(out.OneOf, &schema{Required: []string{k}})
	}
	return out
}
