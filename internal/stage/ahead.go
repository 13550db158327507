package stage

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

const (
	// aheadNames is how many names are looked at in one go.
	aheadNames = 512
	// maxAhead bounds the names of which something is kept.
	maxAhead = 1 << 18
	// maxLookers bounds who looks at once: each has up to maxOpen folders open.
	maxLookers = 7
)

// An ahead looks at names before it is known whether they are all, on up to
// maxLookers cores. It is for a walk that finds folders as the
// cache knows them, and opens none of those again. The nil ahead has seen nothing.
type ahead struct {
	parts   []aheadPart
	running sync.WaitGroup
	stopped atomic.Bool
}

// An aheadPart has names in the order of a walk, and what they and the folders
// on the way to them were. What could not be looked at is in neither.
type aheadPart struct {
	names          []string
	files, folders []sight
	done           chan struct{}
}

// A sight is what a name was when it was looked at.
type sight struct {
	path string
	look
}

// lookAhead begins to look at names. Stop it before the root is closed.
func lookAhead(r *root, names []string, cores int) *ahead {
	a := &ahead{}
	for part := range slices.Chunk(names[:min(len(names), maxAhead)], aheadNames) {
		a.parts = append(a.parts, aheadPart{names: part, done: make(chan struct{})})
	}
	var next atomic.Int64
	for range lookers(cores, len(a.parts)) {
		a.running.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(a.parts)); i = next.Add(1) - 1 {
				if !a.stopped.Load() {
					a.parts[i].look(r)
				}
				close(a.parts[i].done)
			}
		})
	}
	return a
}

// lookers is how many look at so many parts.
func lookers(cores, parts int) int { return min(max(cores, 1), maxLookers, parts) }

// stop ends the looking and waits for its end.
func (a *ahead) stop() {
	if a != nil {
		a.stopped.Store(true)
		a.running.Wait()
	}
}

// look looks at the names through their folders' descriptors.
func (a *aheadPart) look(r *root) {
	a.files = make([]sight, 0, len(a.names))
	open := []frame{{path: ".", fd: int(r.Fd())}}
	leave := func(n int) {
		for ; len(open) > n; open = open[:len(open)-1] {
			unix.Close(open[len(open)-1].fd)
		}
	}
	defer leave(1)
	for _, p := range a.names {
		dir, name := split(p)
		n := len(open)
		for n > 1 && !below(dir, open[n-1].path) {
			n--
		}
		leave(n)
		for len(open) <= maxOpen && open[len(open)-1].path != dir {
			top := open[len(open)-1]
			next, last := step(top.path, dir)
			fd, err := openat(top.fd, last, passFlags)
			if err != nil {
				break
			}
			open = append(open, frame{path: next, fd: fd})
			if l, err := lookAt(fd); err == nil {
				a.folders = append(a.folders, sight{next, l})
			}
		}
		if top := open[len(open)-1]; top.path == dir {
			if l, err := lookIn(top.fd, name); err == nil {
				a.files = append(a.files, sight{p, l})
			}
		}
	}
}

// step is the first folder on the way from one to another below it, and its name.
func step(from, to string) (next, name string) {
	rest := to
	if from != "." {
		rest = to[len(from)+1:]
	}
	name, _, _ = strings.Cut(rest, "/")
	return to[:len(to)-len(rest)+len(name)], name
}

// A cursor goes through what was seen ahead. What is asked for must come in the
// order of a walk.
type cursor struct {
	*ahead
	part int
	at   int
	of   func(*aheadPart) []sight
}

// see has the walk look at what was seen ahead first.
func (w *walker) see(a *ahead) {
	w.files = cursor{ahead: a, of: func(p *aheadPart) []sight { return p.files }}
	w.dirs = cursor{ahead: a, of: func(p *aheadPart) []sight { return p.folders }}
}

// find gives what a name was.
func (c *cursor) find(p string) (look, bool) {
	if c.ahead == nil {
		return look{}, false
	}
	for ; c.part < len(c.parts); c.part, c.at = c.part+1, 0 {
		part := &c.parts[c.part]
		<-part.done
		for seen := c.of(part); c.at < len(seen); c.at++ {
			switch order := comparePath(seen[c.at].path, p); {
			case order == 0:
				return seen[c.at].look, true
			case order > 0:
				return look{}, false
			}
		}
	}
	return look{}, false
}
