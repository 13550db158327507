package fetch

import (
	"path/filepath"
	"testing"

	"github.com/sandwright/sandwright/internal/lock"
)

// BenchmarkEverythingInTheStore is what a build spends in lock and fetch once
// all blobs are there: reading the example's real lock, holding it against
// what is wanted, and finding the base and every tool. A build may spend 50 ms.
func BenchmarkEverythingInTheStore(b *testing.B) {
	path := filepath.Join("..", "..", "examples", "iterate", lock.Name)
	l, err := lock.Load(path)
	if err != nil {
		b.Fatal(err)
	}
	store, err := OpenStore(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	stock(b, store, l)
	want := lock.Wanted{Platforms: []string{"linux/amd64", "linux/arm64"}, Manager: l.Manager, Tools: map[string]lock.WantedSource{},
		Base: lock.WantedSource{Source: l.Base.Source, Inputs: l.Base.Inputs}}
	for name, tool := range l.Tools {
		want.Tools[name] = lock.WantedSource{Source: tool.Source, Inputs: tool.Inputs}
	}
	for b.Loop() {
		l, err := lock.Load(path)
		if err != nil {
			b.Fatal(err)
		}
		if err := l.Check(want); err != nil {
			b.Fatal(err)
		}
		s, err := OpenStore(store.Dir())
		if err != nil {
			b.Fatal(err)
		}
		f := New(s, npmFrom(nil), nil) // which would panic if asked for a registry
		if _, err := f.BaseLayer(b.Context(), l.Base.Systems[amd64], "bookworm", amd64); err != nil {
			b.Fatal(err)
		}
		if _, err := f.ToolLayers(b.Context(), l.Tools, amd64); err != nil {
			b.Fatal(err)
		}
	}
}

// stock puts an image for the base and each tool into a store.
func stock(b *testing.B, s *Store, l *lock.Lock) {
	b.Helper()
	keep := func(ref, name string) {
		layer, err := s.put(text(name), nil)
		if err != nil {
			b.Fatal(err)
		}
		image, err := s.image(name, layer, amd64)
		if err != nil {
			b.Fatal(err)
		}
		if err := s.setRef(ref, image.Digest); err != nil {
			b.Fatal(err)
		}
	}
	keep("base-"+l.Base.Systems[amd64].Key(), "base/bookworm")
	for name, tool := range l.Tools {
		keep(toolRef(tool.Platforms[amd64].Tree, amd64), "tool/"+name)
	}
}
