package fetch

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/sandwright/sandwright/internal/evidence"
	"github.com/sandwright/sandwright/internal/evidence/evidencetest"
	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/lock"
)

// A signedImage is an image in a registry on loopback, for signatures to be
// put beside.
type signedImage struct {
	t     *testing.T
	host  string
	index v1.ImageIndex
	key   *evidencetest.ECDSA
	store *evidencetest.Sigstore
}

func newSignedImage(t *testing.T) *signedImage {
	t.Helper()
	s := &signedImage{t: t, host: imageRegistry(t), key: evidencetest.NewECDSA(t, ""), store: evidencetest.NewSigstore(t)}
	s.index = indexOf(t, map[string][][]file{
		amd64: {{{name: "bin/tool", data: "ELF", mode: 0o755}}}, "linux/arm64": {{{name: "bin/tool", data: "ARM", mode: 0o755}}}})
	push(t, s.host+"/acme/tool:1.0", s.index)
	return s
}

// of is the hex digest of the index, or of its image for a platform.
func (s *signedImage) of(platform string) string {
	s.t.Helper()
	m, err := s.index.IndexManifest()
	s.must(err)
	for _, d := range m.Manifests {
		if d.Platform != nil && d.Platform.OS+"/"+d.Platform.Architecture == platform {
			return d.Digest.Hex
		}
	}
	digest, err := s.index.Digest()
	s.must(err)
	return digest.Hex
}

func (s *signedImage) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// put pushes an image of one layer.
func (s *signedImage) put(ref string, layer v1.Layer, annotations map[string]string, artifactType types.MediaType, subject *v1.Descriptor) {
	s.t.Helper()
	img, err := mutate.Append(mutate.MediaType(empty.Image, types.OCIManifestSchema1), mutate.Addendum{Layer: layer, Annotations: annotations})
	s.must(err)
	if artifactType != "" {
		img = mutate.ConfigMediaType(img, artifactType)
	}
	if subject != nil {
		img = mutate.Subject(img, *subject).(v1.Image)
	}
	if ref == "" {
		digest, err := img.Digest()
		s.must(err)
		ref = s.host + "/acme/tool@" + digest.String()
	}
	r, err := name.ParseReference(ref)
	s.must(err)
	s.must(remote.Write(r, img))
}

// tag puts a signature of cosign's first form beside the image.
func (s *signedImage) tag(beside string, payload []byte, annotations map[string]string) {
	s.put(s.host+"/acme/tool:sha256-"+beside+".sig", static.NewLayer(payload, "application/vnd.dev.cosign.simplesigning.v1+json"), annotations, "", nil)
}

// refer puts a bundle that refers to the image into the registry.
func (s *signedImage) refer(beside string, bundle []byte) {
	const bundleV03 = "application/vnd.dev.sigstore.bundle.v0.3+json"
	s.put("", static.NewLayer(bundle, bundleV03), nil, bundleV03, &v1.Descriptor{MediaType: types.OCIManifestSchema1, Digest: v1.Hash{Algorithm: "sha256", Hex: beside}})
}

func simpleSigning(digest string) []byte {
	return fmt.Appendf(nil, `{"critical":{"identity":{"docker-reference":"acme/tool"},"image":{"docker-manifest-digest":"sha256:%s"},"type":"cosign container image signature"},"optional":null}`, digest)
}

func signedStatement(digest string) evidencetest.Statement {
	return evidencetest.Statement{Predicate: "https://sigstore.dev/cosign/sign/v1", Subject: "acme/tool", Digest: map[string]string{"sha256": digest}}
}

func TestCosignOfAnImage(t *testing.T) {
	byKey := func(s *signedImage) *evidence.Identity {
		key, err := evidence.ParsePublicKey("cosign.pub", s.key.PEM())
		s.must(err)
		return &evidence.Identity{Key: key}
	}
	byWorkflow := func(*signedImage) *evidence.Identity { return &evidence.Identity{Name: workflow, Issuer: actions} }
	for _, c := range []struct {
		name    string
		who     func(*signedImage) *evidence.Identity
		serve   func(*signedImage)
		refused string
	}{
		{"image, by key", byKey, func(s *signedImage) { s.byKey(s.key, s.of(amd64), s.of(amd64)) }, ""},
		{"index, by key", byKey, func(s *signedImage) { s.byKey(s.key, s.of(""), s.of("")) }, ""},
		{"image, by identity", byWorkflow, func(s *signedImage) {
			payload := simpleSigning(s.of(amd64))
			sig := s.store.SignPayload(tagged, actions, payload)
			s.tag(s.of(amd64), payload, map[string]string{"dev.cosignproject.cosign/signature": sig.Signature,
				"dev.sigstore.cosign/certificate": sig.Certificate, "dev.sigstore.cosign/bundle": sig.Log})
		}, ""},
		{"bundle of the image", byWorkflow, func(s *signedImage) {
			s.refer(s.of(amd64), s.store.Attest(tagged, actions, signedStatement(s.of(amd64))))
		}, ""},
		{"bundle of the index", byWorkflow, func(s *signedImage) { s.refer(s.of(""), s.store.Attest(tagged, actions, signedStatement(s.of("")))) }, ""},
		{"none", byKey, func(*signedImage) {}, "sandwright.yaml names who vouches for it with cosign, and "},
		{"swapped key", byKey, func(s *signedImage) { s.byKey(evidencetest.NewECDSA(s.t, ""), s.of(amd64), s.of(amd64)) }, "what came is by another key or forged"},
		{"of the other platform", byKey, func(s *signedImage) { s.byKey(s.key, s.of(amd64), s.of("linux/arm64")) }, "expected a signature of sha256:"},
		{"bundle by somebody else", byWorkflow, func(s *signedImage) {
			s.refer(s.of(amd64), s.store.Attest("eve@acme.example", actions, signedStatement(s.of(amd64))))
		}, "cannot take it from eve@acme.example"},
		{"forged bundle", byWorkflow, func(s *signedImage) {
			s.refer(s.of(amd64), evidencetest.NewSigstore(s.t).Attest(tagged, actions, signedStatement(s.of(amd64))))
		}, "cannot verify it: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSignedImage(t)
			c.serve(s)
			s.resolve(t, c.who(s), c.refused)
		})
	}
}

// byKey puts the signature of what was signed beside what is looked at.
func (s *signedImage) byKey(key *evidencetest.ECDSA, beside, of string) {
	payload := simpleSigning(of)
	s.tag(beside, payload, map[string]string{"dev.cosignproject.cosign/signature": key.Sign(payload)})
}

func (s *signedImage) resolve(t *testing.T, who *evidence.Identity, refused string) {
	t.Helper()
	roots, err := evidence.ParseRoots("roots", s.store.Root())
	s.must(err)
	spec := ToolSpec{OCI: s.host + "/acme/tool:1.0", Files: []string{"bin/tool"}, Vouching: Vouching{Policy: evidence.Policy{
		At: fault.Position{File: "sandwright.yaml", Line: 5, Column: 3}, Tool: "tool", Roots: roots, Cosign: who}}}
	f := newFetcher(t, npmFrom(nil)).With(Settings{Tools: map[string]ToolSpec{"tool": spec}})
	f.now = time.Now
	a, err := f.ResolveTool(t.Context(), "tool", spec, amd64)
	if refused != "" {
		if err == nil || !strings.Contains(err.Error(), refused) || fault.All(err)[0].Hint == "" {
			t.Fatalf("got  %v\nwant %s", err, refused)
		}
		nothingKept(t, f.store)
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	want := []lock.Evidence{{Kind: "cosign", Verdict: lock.Verified, Identity: workflow, Issuer: actions}}
	if who.Key != nil {
		want = []lock.Evidence{{Kind: "cosign", Verdict: lock.Verified, Key: who.Key.String()}}
	}
	if diff := cmp.Diff(want, proofless(a.Evidence)); diff != "" {
		t.Errorf("evidence (-want +got):\n%s", diff)
	}
	tool := lock.Tool{Source: "oci:acme/tool:1.0", Platforms: map[string]lock.Artifact{amd64: a}}
	if _, err := f.ToolLayer(t.Context(), "tool", tool, amd64); err != nil {
		t.Errorf("it is not taken again: %v", err)
	}
}
