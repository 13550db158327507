package source

import (
	"slices"

	"github.com/tonistiigi/fsutil"

	"github.com/sandwright/sandwright/internal/plan"
	"github.com/sandwright/sandwright/internal/stage"
)

// A Part is what patterns match of a tree, in layers of its own: what does not
// match changes none of them.
type Part struct {
	Tree    string // the name of the client's tree that is its hot layer
	Content string // sha256, hex, of all that is in it, however it is divided
	d       *Division
	files   []file // all of it
	cold    []layer
	hot     hot
}

// Part is what the patterns match. It gives, too, the places in patterns of
// those that match nothing.
func (d *Division) Part(tree string, patterns []string) (p *Part, idle []int, err error) {
	match, err := stage.NewPatterns(patterns)
	if err != nil {
		return nil, nil, err
	}
	p = &Part{Tree: tree, d: d}
	files := matching(d.files, match)
	for _, l := range d.cold {
		some := layer{name: l.name, remembered: l.remembered, files: matching(l.files, match)}
		if some.digest = digestOf(some.files, nil); some.remembered && !d.opts.Store.HasLayer(some.digest) {
			some = d.current(some)
		}
		if len(some.files) > 0 {
			p.cold = append(p.cold, some)
		}
	}
	for {
		var stale map[string]bool
		if p.hot, stale = d.over(p.cold, files); len(stale) == 0 {
			break
		}
		for i, l := range p.cold {
			if stale[l.name] {
				p.cold[i] = d.current(l)
			}
		}
		p.cold = slices.DeleteFunc(p.cold, func(l layer) bool { return len(l.files) == 0 })
	}
	p.files, p.Content = files, digestOf(files, nil)
	idle, err = d.idle(patterns)
	return p, idle, err
}

func matching(files []file, match stage.Patterns) []file {
	out := make([]file, 0, len(files))
	for _, f := range files {
		if match.Match(f.path) {
			out = append(out, f)
		}
	}
	return out
}

// current is what a layer has in common with the tree, which can make it.
func (d *Division) current(l layer) layer {
	now := map[string]file{}
	for _, f := range d.files {
		now[f.path] = f
	}
	out := layer{name: l.name}
	for _, f := range l.files {
		if g, ok := now[f.path]; ok && f.same(g) {
			out.files = append(out.files, g)
		}
	}
	out.digest = digestOf(out.files, nil)
	return out
}

// idle are the patterns that match nothing on their own.
func (d *Division) idle(patterns []string) (idle []int, err error) {
	for i, text := range patterns {
		if text != "" && text[0] == '!' {
			continue
		}
		match, err := stage.NewPatterns([]string{text})
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(d.files, func(f file) bool { return match.Match(f.path) }) {
			idle = append(idle, i)
		}
	}
	return idle, nil
}

// Layers are those of the part.
func (p *Part) Layers() []plan.SourceLayer { return layersOf(p.cold, p.hot, p.Tree) }

// Trees are the hot layers as the engine reads them, by the names that Layers
// gives them.
func (d *Division) Trees(parts ...*Part) map[string]fsutil.FS {
	trees := map[string]fsutil.FS{HotTree: d.tree.Part(places(d.hot.files))}
	for _, p := range parts {
		trees[p.Tree] = d.tree.Part(places(p.hot.files))
	}
	return trees
}

func places(files []file) []int {
	out := make([]int, len(files))
	for i, f := range files {
		out[i] = f.place
	}
	return out
}
