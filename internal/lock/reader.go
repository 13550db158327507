package lock

import (
	"regexp"
	"strconv"

	"github.com/sandwright/sandwright/internal/fault"
	"go.yaml.in/yaml/v4"
)

// A reader takes nodes apart and collects what it could not use.
type reader struct {
	path   string
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
			r.refuse(key, "use key %q of %s: it must be a word that stands there once", key.Value, what)
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
		r.refuse(e.key, "use key %q of %s: nothing of that name is known", e.key.Value, what)
	}
}

// text is a scalar that matches pattern; n may be nil for a missing key, which
// known has refused already.
func (r *reader) text(n *yaml.Node, what string, pattern *regexp.Regexp) string {
	if n == nil {
		return ""
	}
	if n.Kind != yaml.ScalarNode || n.Anchor != "" || !pattern.MatchString(n.Value) {
		r.refuse(n, "use %q as %s", n.Value, what)
		return ""
	}
	return n.Value
}

func (r *reader) number(n *yaml.Node, what string) int64 {
	v, err := strconv.ParseInt(r.text(n, what, digits), 10, 64)
	if err != nil && n != nil && digits.MatchString(n.Value) {
		r.refuse(n, "use %q as %s: it is too large", n.Value, what)
	}
	return v
}

// list is a sequence of scalars that match pattern.
func (r *reader) list(n *yaml.Node, what string, pattern *regexp.Regexp) []string {
	if n == nil {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		r.refuse(n, "read %s: it must be a sequence", what)
		return nil
	}
	var out []string
	for _, item := range n.Content {
		out = append(out, r.text(item, what, pattern))
	}
	return out
}

// matches is a sequence of scalars, each as pattern takes it apart.
func (r *reader) matches(n *yaml.Node, what string, pattern *regexp.Regexp) (all [][]string) {
	for _, line := range r.list(n, what, pattern) {
		if m := pattern.FindStringSubmatch(line); m != nil {
			all = append(all, m)
		}
	}
	return all
}
