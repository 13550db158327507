package config

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/sandwright/sandwright/internal/fault"
)

// maxValues bounds the work on one file, with its aliases written out.
const maxValues = 50_000

// A decoder walks the tree once and collects what it finds on the way.
type decoder struct {
	file      string
	positions map[string]fault.Position
	faults    fault.List
	refused   int             // faults found, with those that an alias repeats
	said      map[string]bool // faults, so that an alias does not repeat one
	values    int
	spent     bool // maxValues was reached; nothing more is read
}

func newDecoder(file string) *decoder {
	return &decoder{
		file:      file,
		positions: map[string]fault.Position{"": {File: file}},
		said:      map[string]bool{},
	}
}

// cannot collects a fault at the node n.
func (d *decoder) cannot(n *yaml.Node, format string, args ...any) *fault.Fault {
	f := at(d.file, n).Cannot(format, args...)
	d.refused++
	if !d.said[f.Error()] {
		d.said[f.Error()] = true
		d.faults = append(d.faults, f)
	}
	return f
}

// enter follows an alias, counts the value and tells whether it may be read.
func (d *decoder) enter(n *yaml.Node) (*yaml.Node, bool) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if d.values++; d.values > maxValues && !d.spent {
		d.spent = true
		d.cannot(n, "read on: the file holds more than %d values, with its aliases written out", maxValues)
	}
	return n, !d.spent
}

// expect is enter for a node that must have the kind.
func (d *decoder) expect(p keyPath, n *yaml.Node, kind yaml.Kind, takes string) (*yaml.Node, bool) {
	n, ok := d.enter(n)
	if !ok {
		return n, false
	}
	if n.Kind != kind {
		d.misfit(p, n, takes)
		return n, false
	}
	return n, d.untagged(n)
}

// misfit says that the value's kind is wrong. It never shows the value, which
// may be a secret in the wrong place.
func (d *decoder) misfit(p keyPath, n *yaml.Node, takes string) *fault.Fault {
	f := d.cannot(n, "use %s here: %s takes %s", kindWords(n), label(p), takes)
	if n.ShortTag() == "!!null" {
		f.WithHint("write its value, or remove the key")
	}
	return f
}

// untagged refuses tags that YAML itself does not define.
func (d *decoder) untagged(n *yaml.Node) bool {
	if strings.HasPrefix(n.ShortTag(), "!!") {
		return true
	}
	d.cannot(n, "use the tag %q: no tags are known here", clip(n.Tag)).WithHint("remove the tag")
	return false
}

// label names the node in a message: by its key, or as an item of a list.
func label(p keyPath) string {
	if len(p) > 1 && isIndex(p.name()) {
		return "an item of " + p.parent().name()
	}
	return p.name()
}

func isIndex(key string) bool {
	return key != "" && strings.Trim(key, "0123456789") == ""
}

func kindWords(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	switch n.ShortTag() {
	case "!!null":
		return "nothing"
	case "!!bool":
		return "true or false"
	case "!!int", "!!float":
		return "a number"
	}
	return "a text"
}

// An entry is one key of a mapping and its value.
type entry struct {
	name       string
	key, value *yaml.Node
}

// mapping gives the entries of n and records where each stands. Keys that are
// not text, and keys that come twice, are faults and left out.
func (d *decoder) mapping(p keyPath, n *yaml.Node) ([]entry, *yaml.Node, bool) {
	n, ok := d.expect(p, n, yaml.MappingNode, "a mapping")
	if !ok {
		return nil, n, false
	}
	var entries []entry
	first := map[string]int{}
	for pair := range slices.Chunk(n.Content, 2) {
		e := entry{name: pair[0].Value, key: pair[0], value: pair[1]}
		if !d.usableKey(e.key) {
			continue
		}
		if line, twice := first[e.name]; twice {
			d.cannot(e.key, "use the key %q twice: it stands in line %d already", clip(e.name), line).WithHint("remove one of the two")
			continue
		}
		first[e.name] = e.key.Line
		d.positions[p.child(e.name).id()] = at(d.file, e.key)
		entries = append(entries, e)
	}
	return entries, n, true
}

func (d *decoder) usableKey(key *yaml.Node) bool {
	switch {
	case key.Kind != yaml.ScalarNode || key.ShortTag() == "!!null":
		d.cannot(key, "use %s as a key: a key is a text", kindWords(key))
		return false
	case key.ShortTag() == "!!merge":
		d.cannot(key, "use the merge key <<").WithHint("write the keys out, or give the whole value by an alias")
		return false
	}
	if noNUL(key.Value) != nil {
		d.cannot(key, "use a key that holds a NUL byte")
		return false
	}
	return d.untagged(key)
}
