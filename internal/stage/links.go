package stage

import (
	"path"
	"strings"
)

// maxHops is how many links the kernel follows before it gives up.
const maxHops = 40

// An outcome is where a link leads.
type outcome uint8

const (
	inside   outcome = iota // to an entry, or to the root itself
	dangling                // to a name of the tree that is not there
	looping                 // round and round
	tooFar                  // over more links than the kernel follows
	leaving                 // out of the tree
	allowed                 // out of the tree, as a rule of the file allows
)

// A resolution is the end of a link. When it leaves, link is the one whose
// target does, which may be further on, and target what that one says.
type resolution struct {
	outcome      outcome
	path         string // where it ends; "." is the root
	file         bool   // that is no folder
	link, target string
	hops         int // links followed, the first included
}

// A looker looks names up: those of the tree, and where it can those that are
// on the disk but not in the tree.
type looker func(path string) (kind Kind, target string, ok bool)

// A resolver follows links as the kernel would, but never touches what they
// lead to. Each link is resolved once.
type resolver struct {
	look    looker
	allowed func(path string) bool // whether a rule lets the link leave; may be nil
	known   map[string]resolution
	pending map[string]bool
}

func newResolver(look looker) *resolver {
	return &resolver{look: look, known: map[string]resolution{}, pending: map[string]bool{}}
}

// A way is a link that is being followed: where it is, and what is left to take.
type way struct {
	link, target string
	at           string
	file         bool // what is at is no folder
	rest         string
	more         bool // whether there is a rest, even an empty one
	found        outcome
	hops         int
}

// follow resolves the link at p. A name that is not there does not end the
// way: what follows it is taken by its spelling, so that a target which would
// leave once the name exists leaves now. A chain of any length costs each of
// its links once, and no stack.
func (r *resolver) follow(p, target string) resolution {
	if known, ok := r.known[p]; ok {
		return known
	}
	ways := []*way{r.enter(p, target)}
	for {
		w := ways[len(ways)-1]
		end, next := r.advance(w)
		if next != nil {
			ways = append(ways, next)
			continue
		}
		if end.outcome == leaving && r.allowed != nil && r.allowed(end.link) {
			end.outcome = allowed
		}
		r.known[w.link] = end
		delete(r.pending, w.link)
		ways = ways[:len(ways)-1]
		if len(ways) == 0 {
			return end
		}
	}
}

func (r *resolver) enter(p, target string) *way {
	r.pending[p] = true
	return &way{link: p, target: target, at: path.Dir(p), rest: target, more: true, hops: 1}
}

// advance takes the components of a way until it ends, or until it meets a link
// that must be followed first.
func (r *resolver) advance(w *way) (resolution, *way) {
	if strings.HasPrefix(w.target, "/") {
		return w.leaves(), nil
	}
	for w.more {
		if w.file {
			w.found = dangling
		}
		name, rest, more := strings.Cut(w.rest, "/")
		switch {
		case name == ".." && w.at == ".":
			return w.leaves(), nil
		case name == "..":
			w.at, w.file = path.Dir(w.at), false
		case name != "" && name != ".":
			end, next := r.step(w, join(w.at, name))
			if next != nil || end != nil {
				return end.orNone(), next
			}
		}
		w.rest, w.more = rest, more
	}
	return resolution{outcome: w.found, path: w.at, file: w.file, hops: w.hops}, nil
}

// step goes to a name. It gives the end of the way where the name is a link
// that ends it, and a way to follow first where that is not known yet.
func (r *resolver) step(w *way, p string) (*resolution, *way) {
	kind, target, ok := r.look(p)
	if !ok {
		w.at, w.file, w.found = p, false, dangling
		return nil, nil
	}
	if kind != Link {
		w.at, w.file = p, kind == File
		return nil, nil
	}
	end, known := r.known[p]
	switch {
	case !known && r.pending[p]:
		return &resolution{outcome: looping, path: p, hops: maxHops + 1}, nil
	case !known:
		return nil, r.enter(p, target)
	}
	w.hops += end.hops
	switch {
	case end.outcome == looping:
		return &resolution{outcome: looping, path: p, hops: maxHops + 1}, nil
	case w.hops > maxHops:
		return &resolution{outcome: tooFar, path: p, hops: maxHops + 1}, nil
	case end.outcome == leaving, end.outcome == allowed:
		end.hops = w.hops
		return &end, nil
	case end.outcome == dangling:
		w.found = dangling
	}
	w.at, w.file = end.path, end.file
	return nil, nil
}

func (w *way) leaves() resolution {
	return resolution{outcome: leaving, link: w.link, target: w.target, hops: w.hops}
}

func (r *resolution) orNone() resolution {
	if r == nil {
		return resolution{}
	}
	return *r
}

// join adds a name to a clean path.
func join(dir, name string) string {
	if dir == "." {
		return name
	}
	return dir + "/" + name
}
