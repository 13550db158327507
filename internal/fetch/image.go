package fetch

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// image writes the config and manifest of an image whose only layer is the
// uncompressed tar of that sha256, which must be in the store. The digest
// depends on the layer and the platform alone.
func (s *Store) image(name, layer, platform string) (Ref, error) {
	size, ok := s.size(layer)
	if !ok {
		return Ref{}, fmt.Errorf("layer %s is not in the store", layer)
	}
	s.touch(layer)
	osName, arch, _ := strings.Cut(platform, "/")
	config, err := s.putJSON(ocispec.MediaTypeImageConfig, ocispec.Image{
		Platform: ocispec.Platform{OS: osName, Architecture: arch},
		RootFS:   ocispec.RootFS{Type: "layers", DiffIDs: []digest.Digest{sha256Digest(layer)}},
	})
	if err != nil {
		return Ref{}, err
	}
	manifest, err := s.putJSON(ocispec.MediaTypeImageManifest, ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2},
		MediaType: ocispec.MediaTypeImageManifest,
		Config:    config,
		Layers:    []ocispec.Descriptor{{MediaType: ocispec.MediaTypeImageLayer, Digest: sha256Digest(layer), Size: size}},
	})
	return Ref{Name: name, Digest: manifest.Digest.String()}, err
}

func (s *Store) putJSON(mediaType string, v any) (ocispec.Descriptor, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	d := ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(data), Size: int64(len(data))}
	if _, ok := s.size(d.Digest.Encoded()); ok {
		s.touch(d.Digest.Encoded())
		return d, nil
	}
	_, err = s.put(func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	}, nil)
	return d, err
}

func sha256Digest(sum string) digest.Digest {
	return digest.NewDigestFromEncoded(digest.SHA256, sum)
}

// whole tells whether a manifest of this store and all it names are there;
// then they count as used.
func (s *Store) whole(manifest string) bool {
	m, ok := readManifest(s, manifest)
	if !ok {
		return false
	}
	for _, d := range append(m.Layers, m.Config) {
		if size, ok := s.size(d.Digest.Encoded()); !ok || size != d.Size {
			return false
		}
	}
	for _, d := range append(m.Layers, m.Config) {
		s.touch(d.Digest.Encoded())
	}
	s.touch(digest.Digest(manifest).Encoded())
	return true
}
