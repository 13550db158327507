// Package leak looks for the values of secrets in what an image is made of. A
// layer is read once: that it is clean is remembered for as long as neither
// the layer nor any secret changes.
package leak

import (
	"cmp"
	"context"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/sandwright/sandwright/internal/redact"
)

// A Layer is an unpacked layer of an image.
type Layer struct {
	Dir  string
	Name string // for people
}

// A Leak is a place where a secret stands.
type Leak struct {
	Secret string // its name
	Layer  string // a Layer's Name
	Path   string // absolute, in the image
	Where  string // in its text, its name or its target
}

// A Checker looks for the secrets of one build.
type Checker struct {
	set      *redact.Set
	verdicts *verdicts
}

// New makes a Checker for values, each by its variable's name. What it has
// found clean is kept in dir, which is made where needed: as keyed hashes that
// tell nothing without the key beside them, which only the user can read.
func New(values map[string]string, dir string) (*Checker, error) {
	c := &Checker{set: redact.New(values)}
	if c.set == nil {
		return c, nil
	}
	var err error
	c.verdicts, err = openVerdicts(dir, values)
	return c, err
}

// Secrets are the secrets of the build; nil where there are none.
func (c *Checker) Secrets() *redact.Set { return c.set }

// Text looks into what is not a file of a layer, as the image's config.
func (c *Checker) Text(layer, path string, text []byte) (found []Leak) {
	if name, ok := c.set.Holds(text); ok {
		found = append(found, Leak{Secret: name, Layer: c.set.Text(layer), Path: c.set.Text(path), Where: inText})
	}
	return found
}

// Layers looks into all layers that are not known to be clean, and gives every
// leak: one for each file, in the order of the layers and then of the paths.
func (c *Checker) Layers(ctx context.Context, layers []Layer) ([]Leak, error) {
	if c.set == nil {
		return nil, nil
	}
	var clean []string
	var found []Leak
	for _, l := range layers {
		id, err := identify(l.Dir)
		if err != nil {
			return nil, err
		}
		if c.verdicts.clean(id) {
			clean = append(clean, id)
			continue
		}
		leaks, err := c.layer(ctx, l)
		if err != nil {
			return nil, err
		}
		if len(leaks) == 0 {
			clean = append(clean, id)
		}
		found = append(found, leaks...)
	}
	return found, c.verdicts.remember(clean)
}

// layer reads one layer, with as many hands as there are processors.
func (c *Checker) layer(ctx context.Context, l Layer) ([]Leak, error) {
	group, ctx := errgroup.WithContext(ctx)
	files := make(chan string, 256)
	var mu sync.Mutex
	var found []Leak
	add := func(leak Leak) {
		mu.Lock()
		defer mu.Unlock()
		leak.Layer, leak.Path = c.set.Text(l.Name), c.set.Text(leak.Path)
		found = append(found, leak)
	}
	group.Go(func() error {
		defer close(files)
		return c.walk(ctx, l.Dir, files, add)
	})
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() error {
			for path := range files {
				if err := c.file(l.Dir, path, add); err != nil {
					return err
				}
			}
			return nil
		})
	}
	err := group.Wait()
	slices.SortFunc(found, func(a, b Leak) int { return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Where, b.Where)) })
	return found, err
}
