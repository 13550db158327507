package fetch

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

func TestStack(t *testing.T) {
	s := openStore(t)
	var refs []Ref
	var want []digest.Digest
	for _, data := range []string{"base", "node", "pnpm"} {
		layer, err := s.put(text(data), nil)
		if err != nil {
			t.Fatal(err)
		}
		ref, err := s.image("x/"+data, layer, amd64)
		if err != nil {
			t.Fatal(err)
		}
		refs, want = append(refs, ref), append(want, digest.FromString(data))
	}
	two, err := s.Stack("two", amd64, refs[:2]...)
	if err != nil {
		t.Fatal(err)
	}
	three, err := s.Stack("three", amd64, two, refs[2])
	if err != nil || !s.whole(three.Digest) || three.Name != "three" {
		t.Fatalf("got %v, %v", three, err)
	}
	if flat, err := s.Stack("three", amd64, refs...); err != nil || flat != three {
		t.Errorf("the same layers give %v and %v, %v", flat, three, err)
	}
	m, _ := readManifest(s, three.Digest)
	var config ocispec.Image
	data, err := os.ReadFile(s.blob(m.Config.Digest.Encoded()))
	if err != nil || json.Unmarshal(data, &config) != nil {
		t.Fatal(err)
	}
	var got []digest.Digest
	for _, l := range m.Layers {
		got = append(got, l.Digest)
	}
	if diff := cmp.Diff(want, got) + cmp.Diff(want, config.RootFS.DiffIDs); diff != "" || config.Architecture != "amd64" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := s.Stack("none", amd64, Ref{Name: "gone", Digest: "sha256:" + strings.Repeat("0", 64)}); err == nil || !strings.Contains(err.Error(), "cannot keep image none: gone@sha256:") {
		t.Errorf("got %v", err)
	}
}
