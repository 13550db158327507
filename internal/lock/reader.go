package lock

import (
	"strconv"

	"github.com/sandwright/sandwright/internal/fault"
	"go.yaml.in/yaml/v4"
)

// maxShown is how many characters of a value a fault shows.
const maxShown = 80

// A reader takes nodes apart and collects what it could not use.
type reader struct {
	path   string
	sealed bool // blocks are held against their digests
	faults fault.List
}

func (r *reader) refuse(n *yaml.Node, format string, args ...any) {
	at := fault.Position{File: r.path, Line: n.Line, Column: n.Column}
	r.faults = append(r.faults, at.Cannot(format, args...).WithHint("%s", startOver))
}

// An entry is one key of a mapping, with its node for positions.
type entry struct {
	key   *yaml.Node
	value *yaml.Node
}

// entries gives a mapping in the order of the file, without doubled keys.
func (r *reader) entries(n *yaml.Node, what string) []entry {
	if n.Kind != yaml.MappingNode {
		r.refuse(n, "read %s: it must be a mapping", what)
		return nil
	}
	seen := map[string]bool{}
	var list []entry
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Kind != yaml.ScalarNode || seen[key.Value] {
			r.refuse(key, "use key %q of %s: it must be a word that stands there once", fault.Clip(key.Value, maxShown), what)
			continue
		}
		seen[key.Value] = true
		list = append(list, entry{key, value})
	}
	return list
}

// known splits a mapping into the named keys, all of which must be there
// unless they end in "?", and the rest.
func (r *reader) known(n *yaml.Node, what string, names ...string) (map[string]*yaml.Node, []entry) {
	optional := map[string]bool{}
	for _, name := range names {
		bare := name
		if name[len(name)-1] == '?' {
			bare = name[:len(name)-1]
		}
		optional[bare] = bare != name
	}
	found := map[string]*yaml.Node{}
	var rest []entry
	for _, e := range r.entries(n, what) {
		if _, ok := optional[e.key.Value]; ok {
			found[e.key.Value] = e.value
			delete(optional, e.key.Value)
		} else {
			rest = append(rest, e)
		}
	}
	for _, name := range names {
		if may, left := optional[name]; left && !may {
			r.refuse(n, "find %s of %s", name, what)
		}
	}
	return found, rest
}

func (r *reader) refuseRest(rest []entry, what string) {
	for _, e := range rest {
		r.refuse(e.key, "use key %q of %s: nothing of that name is known", fault.Clip(e.key.Value, maxShown), what)
	}
}

// text is a scalar that matches pattern; n may be nil for a missing key, which
// known has refused already.
func (r *reader) text(n *yaml.Node, what string, shape pattern) string {
	if n == nil {
		return ""
	}
	if n.Kind != yaml.ScalarNode || !shape().MatchString(n.Value) {
		r.refuse(n, "use %q as %s", fault.Clip(n.Value, maxShown), what)
		return ""
	}
	return n.Value
}

// between is a whole number, written plainly, from least to most.
func (r *reader) between(n *yaml.Node, what string, least, most int64) int64 {
	text := r.text(n, what, digits)
	if text == "" {
		return 0
	}
	v, err := strconv.ParseInt(text, 10, 64)
	switch {
	case n.Style != 0:
		r.refuse(n, "use %q as %s: a number stands without quotes", fault.Clip(text, maxShown), what)
	case err != nil || v > most:
		r.refuse(n, "use %q as %s: it is too large", fault.Clip(text, maxShown), what)
	case v < least:
		r.refuse(n, "use %q as %s: it is too small", text, what)
	}
	return v
}

// bounded is the size of a download in a line, of which the pattern has seen
// that it is a number.
func (r *reader) bounded(n *yaml.Node, what, text string) int64 {
	size, err := strconv.ParseInt(text, 10, 64)
	if err != nil || size > MaxDownload {
		r.refuse(n, "use %s as %s: it is too large", text, what)
	}
	return size
}

// plain refuses what YAML has and a lock has not: anchors, aliases and tags.
func (r *reader) plain(n *yaml.Node) {
	switch {
	case n.Kind == yaml.AliasNode:
		r.refuse(n, "use the alias %q: a lock has none", fault.Clip(n.Value, maxShown))
		return
	case n.Anchor != "":
		r.refuse(n, "use the anchor %q: a lock has none", fault.Clip(n.Anchor, maxShown))
	case n.Style&yaml.TaggedStyle != 0:
		r.refuse(n, "use the tag %q: a lock has none", fault.Clip(n.Tag, maxShown))
	}
	for _, inner := range n.Content {
		r.plain(inner)
	}
}

// seal holds a block against its digest, unless something is wrong with it
// already: there were so many faults before.
func (r *reader) seal(n *yaml.Node, what string, before int, digest func() string) {
	said := r.text(n, "a digest", hex256)
	if len(r.faults) > before || !r.sealed || said == digest() {
		return
	}
	r.refuse(n, "use %s: it was changed by hand or by a merge: its digest is %s, and it says %s", what, digest(), said)
}

// list is a sequence of scalars that have a shape.
func (r *reader) list(n *yaml.Node, what string, shape pattern) []string {
	if n == nil {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		r.refuse(n, "read %s: it must be a sequence", what)
		return nil
	}
	var out []string
	for _, item := range n.Content {
		out = append(out, r.text(item, what, shape))
	}
	return out
}

// matches is a sequence of scalars, each as pattern takes it apart.
func (r *reader) matches(n *yaml.Node, what string, shape pattern) (all [][]string) {
	for _, line := range r.list(n, what, shape) {
		if m := shape().FindStringSubmatch(line); m != nil {
			all = append(all, m)
		}
	}
	return all
}
