package fetch

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/sandwright/sandwright/internal/fault"
)

// Stack makes an image, named as NAME/NAME, of the layers of others, the first undermost. They stay
// the layers they are: nothing is copied, and a change of one image changes its
// own layers in the stack only.
func (s *Store) Stack(name, platform string, images ...Ref) (Ref, error) {
	ref, err := s.stack(name, platform, images)
	if noSpace(err) {
		return Ref{}, s.full("image "+name, err)
	}
	if err != nil {
		return Ref{}, fault.Cannot("keep image %s: %w", name, err)
	}
	return ref, nil
}

func (s *Store) stack(name, platform string, images []Ref) (Ref, error) {
	osName, arch, _ := strings.Cut(platform, "/")
	config := ocispec.Image{Platform: ocispec.Platform{OS: osName, Architecture: arch}, RootFS: ocispec.RootFS{Type: "layers"}}
	var layers []ocispec.Descriptor
	for _, image := range images {
		m, ok := readManifest(s, image.Digest)
		if !ok {
			return Ref{}, fmt.Errorf("%s is not in the store", image)
		}
		ids, err := s.diffIDs(m)
		if err != nil {
			return Ref{}, fmt.Errorf("%s: %w", image, err)
		}
		layers = append(layers, m.Layers...)
		config.RootFS.DiffIDs = append(config.RootFS.DiffIDs, ids...)
	}
	c, err := s.putJSON(ocispec.MediaTypeImageConfig, config)
	if err != nil {
		return Ref{}, err
	}
	manifest, err := s.putJSON(ocispec.MediaTypeImageManifest, ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, Config: c, Layers: layers,
	})
	return Ref{Name: name, Digest: manifest.Digest.String()}, err
}

// diffIDs are the hashes of an image's layers, uncompressed: its config has
// them.
func (s *Store) diffIDs(m ocispec.Manifest) ([]digest.Digest, error) {
	data, err := os.ReadFile(s.blob(m.Config.Digest.Encoded()))
	if err != nil {
		return nil, err
	}
	var config ocispec.Image
	if err := json.Unmarshal(data, &config); err != nil {
		return nil, err
	}
	if len(config.RootFS.DiffIDs) != len(m.Layers) {
		return nil, fmt.Errorf("its config knows %d layers, and its manifest %d", len(config.RootFS.DiffIDs), len(m.Layers))
	}
	return config.RootFS.DiffIDs, nil
}
