package stage

import (
	"path"
	"strings"

	"github.com/sandwright/sandwright/internal/fault"
)

// maxHops is how many links the kernel follows before it gives up.
const maxHops = 40

// An outcome is where a link leads.
type outcome uint8

const (
	inside   outcome = iota // to an entry, or to the root itself
	dangling                // to a name of the tree that is not there
	looping                 // round and round
	leaving                 // out of the tree
)

// A resolution is the end of a link. When it leaves, link is the one whose
// target does, which may be further on, and target what that one says.
type resolution struct {
	outcome      outcome
	path         string // where it ends; "." is the root
	link, target string
}

// A resolver follows links as the kernel would, but in the staged tree: it
// looks entries up and never touches the disk.
type resolver func(path string) (*Entry, bool)

// A step is one component still to take, and the link that asks for it.
type step struct{ name, link, target string }

// push puts the components of a link's target on the stack, the first on top.
// An absolute target starts with the step "/".
func push(todo []step, link, target string) []step {
	names := strings.Split(target, "/")
	for i := len(names) - 1; i >= 0; i-- {
		todo = append(todo, step{names[i], link, target})
	}
	if strings.HasPrefix(target, "/") {
		todo[len(todo)-1].name = "/"
	}
	return todo
}

// follow resolves the link at p. A name that is not there does not end the
// way: what follows it is taken by its spelling, so that a target which would
// leave once the name exists leaves now.
func (look resolver) follow(p, target string) resolution {
	at, found, hops := path.Dir(p), inside, 1
	for todo := push(nil, p, target); len(todo) > 0; {
		s := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if e, ok := look(at); ok && e.Kind == File {
			found = dangling
		}
		switch {
		case s.name == "/", s.name == ".." && at == ".":
			return resolution{leaving, "", s.link, s.target}
		case s.name == "", s.name == ".":
			continue
		case s.name == "..":
			at = path.Dir(at)
			continue
		}
		next := path.Join(at, s.name)
		e, ok := look(next)
		switch {
		case !ok:
			found, at = dangling, next
		case e.Kind != Link:
			at = next
		case hops == maxHops:
			return resolution{outcome: looping, path: next}
		default:
			todo, hops = push(todo, next, e.Target), hops+1
		}
	}
	return resolution{outcome: found, path: at}
}

// links refuses every link that leads out, and names those that lead nowhere.
func (c *checker) links() {
	tree := &Tree{entries: c.entries}
	for _, e := range c.entries {
		if e.Kind != Link {
			continue
		}
		switch r := tree.resolver().follow(e.Path, e.Target); r.outcome {
		case leaving:
			c.faults = append(c.faults, refuse(e.Path, r))
		case dangling:
			c.notices = append(c.notices, "kept "+show(e.Path)+": it points to "+show(e.Target)+", which is not there")
		case looping:
			c.notices = append(c.notices, "kept "+show(e.Path)+": it points to "+show(e.Target)+", which leads round and round")
		}
	}
}

func refuse(p string, r resolution) *fault.Fault {
	f := fault.Cannot("stage %s: it points to %s, outside the project", show(p), show(r.target))
	if r.link != p {
		f = fault.Cannot("stage %s: it leads to %s, which points to %s, outside the project", show(p), show(r.link), show(r.target))
	}
	return f.WithHint("run: git rm %s, or point it inside the project by a relative path", show(r.link))
}

func (t *Tree) resolver() resolver {
	return func(p string) (*Entry, bool) {
		i, ok := t.find(p)
		if !ok {
			return nil, false
		}
		return &t.entries[i], true
	}
}
