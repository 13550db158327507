package fetch

import (
	"encoding/json"
	"os"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// readManifest reads a manifest of the store by its digest. Bytes that do not
// have that digest count as absent.
func readManifest(s *Store, manifest string) (ocispec.Manifest, bool) {
	d, err := digest.Parse(manifest)
	if err != nil || d.Algorithm() != digest.SHA256 {
		return ocispec.Manifest{}, false
	}
	data, err := os.ReadFile(s.blob(d.Encoded()))
	if err != nil || digest.FromBytes(data) != d {
		return ocispec.Manifest{}, false
	}
	var m ocispec.Manifest
	return m, json.Unmarshal(data, &m) == nil && len(m.Layers) > 0
}
