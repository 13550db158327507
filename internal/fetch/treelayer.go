package fetch

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/sandwright/sandwright/internal/fault"
)

// Layer gives the image of one layer, named as NAME/NAME, that is known by a
// key: the same key, the same layer. Where it is not in the store, write makes
// it, as a tar.
func (s *Store) Layer(name, key, platform string, write func(io.Writer) error) (Ref, error) {
	layer, have := s.layerOf(key)
	if !have {
		s.dropLayers()
		var err error
		if layer, err = s.put(write, nil); noSpace(err) {
			return Ref{}, s.full("layer "+name, err)
		} else if err != nil {
			return Ref{}, err
		}
	}
	ref, err := s.image(name, layer, platform)
	if err == nil && !have {
		err = s.setRef(layerPrefix+key, layer)
	}
	if err != nil {
		return Ref{}, fault.Cannot("keep layer %s: %w", name, err)
	}
	return ref, nil
}

// HasLayer says that Layer would not have to make it.
func (s *Store) HasLayer(key string) bool {
	_, have := s.layerOf(key)
	return have
}

// layerOf gives the sha256 of the layer that a key stands for.
func (s *Store) layerOf(key string) (layer string, have bool) {
	layer = s.ref(layerPrefix + key)
	if layer != "" {
		_, have = s.size(layer)
	}
	return layer, have
}

const layerPrefix = "layer-"

// layerAge is how long a layer of Layer is kept that nothing uses.
const layerAge = 3 * 24 * time.Hour

// dropLayers removes the layers that nothing has used for layerAge. Who wants
// one of them again makes it again.
func (s *Store) dropLayers() {
	entries, _ := os.ReadDir(filepath.Join(s.dir, "refs"))
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), layerPrefix) {
			continue
		}
		layer := s.ref(e.Name())
		if info, err := os.Stat(s.blob(layer)); layer == "" || err == nil && time.Since(info.ModTime()) < layerAge {
			continue
		}
		_ = os.Remove(s.blob(layer)) // what stays is tried again
		_ = os.Remove(filepath.Join(s.dir, "refs", e.Name()))
	}
}
