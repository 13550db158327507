package fetch

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/sandwright/sandwright/internal/dockerlogin"
	"github.com/sandwright/sandwright/internal/evidence"
	"github.com/sandwright/sandwright/internal/lock"
)

// maxSignatures bounds how many signatures of one image are looked at.
const maxSignatures = 50

// bundleType begins the media type of a sigstore bundle, as cosign 3 attaches
// it to what it signs.
const bundleType = "application/vnd.dev.sigstore.bundle"

// evidence gives what cosign has put beside the image, or beside the index
// that it was chosen from.
func (o ociSource) evidence(ctx context.Context, what found, _ string) (served, error) {
	return o.imageEvidence(ctx, o.spec.OCI, "tool "+o.tool, what.Image, o.spec.Vouching.Policy)
}

// imageEvidence gives what cosign has put beside an image, where the policy
// names who signs it.
func (f *Fetcher) imageEvidence(ctx context.Context, image, who, manifest string, policy evidence.Policy) (served, error) {
	if policy.Cosign == nil {
		return served{}, nil
	}
	out := served{kinds: []evidence.Kind{evidence.Cosign}}
	ref, err := f.reference(image, who)
	if err != nil {
		return out, err
	}
	c := cosigned{repository: ref.Context(), options: []remote.Option{
		remote.WithContext(ctx), remote.WithTransport(f.imageTransport()), remote.WithAuthFromKeychain(dockerlogin.Keychain{})}}
	if out.pieces, err = c.pieces(ref, manifest); err != nil {
		return out, f.imageFault(image, who, err)
	}
	return out, nil
}

// imageSubject is an image, from its registry, as evidence speaks of it.
func imageSubject(ref, manifest string) evidence.Subject {
	what := found{Artifact: lock.Artifact{Package: repositoryOf(ref), Version: "sha256:" + manifest, Image: manifest}}
	return what.subject("", sums{from: ref})
}

// vouchedBefore verifies who signed the image before any layer of it is pulled
// to look for files. What the lock keeps comes of verifying it once more, with
// the layer that was chosen.
func (o ociSource) vouchedBefore(ctx context.Context, image, platform string) error {
	policy := o.spec.Vouching.Policy
	if policy.Cosign == nil {
		return nil
	}
	given, err := o.evidence(ctx, found{Artifact: lock.Artifact{Image: image}}, platform)
	if err != nil {
		return err
	}
	policy.Now = o.now()
	_, err = policy.Judge(imageSubject(o.spec.OCI, image), given.pieces)
	return err
}

// cosigned looks for signatures in the repository of an image.
type cosigned struct {
	repository name.Repository
	options    []remote.Option
}

func (c cosigned) pieces(ref name.Reference, manifest string) (pieces []evidence.Piece, err error) {
	signed := []struct {
		digest string
		index  []byte
	}{{"sha256:" + manifest, nil}}
	top, err := remote.Get(ref, c.options...)
	if err != nil {
		return nil, err
	}
	if top.MediaType.IsIndex() && top.Digest.Hex != manifest {
		signed = append(signed, struct {
			digest string
			index  []byte
		}{top.Digest.String(), top.Manifest})
	}
	for _, s := range signed {
		sigs, err := c.signatures(s.digest)
		if err != nil {
			return nil, err
		}
		for _, sig := range sigs {
			sig.Index = s.index
			piece, err := sig.Piece(c.repository.Name() + "@" + s.digest)
			if err != nil {
				return nil, err
			}
			pieces = append(pieces, piece)
		}
	}
	return pieces, nil
}

func (c cosigned) signatures(digest string) ([]evidence.ImageSignature, error) {
	first, err := c.tagged(digest)
	if err != nil {
		return nil, err
	}
	second, err := c.referring(digest)
	if err != nil {
		return nil, err
	}
	if len(first)+len(second) > maxSignatures {
		return nil, fmt.Errorf("it has more than %d signatures", maxSignatures)
	}
	return append(first, second...), nil
}

// tagged are the signatures of cosign's first form.
func (c cosigned) tagged(digest string) (sigs []evidence.ImageSignature, err error) {
	img, err := remote.Image(c.repository.Tag(strings.Replace(digest, ":", "-", 1)+".sig"), c.options...)
	if unknownImage(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	m, err := img.Manifest()
	if err != nil {
		return nil, err
	}
	if len(m.Layers) > maxSignatures {
		return nil, fmt.Errorf("it has more than %d signatures", maxSignatures)
	}
	for _, layer := range m.Layers {
		payload, err := c.blob(layer.Digest)
		if err != nil {
			return nil, err
		}
		sigs = append(sigs, evidence.ImageSignature{
			Payload:     payload,
			Signature:   layer.Annotations["dev.cosignproject.cosign/signature"],
			Certificate: layer.Annotations["dev.sigstore.cosign/certificate"],
			Log:         layer.Annotations["dev.sigstore.cosign/bundle"],
		})
	}
	return sigs, nil
}

// referring are the bundles that refer to the image.
func (c cosigned) referring(digest string) (sigs []evidence.ImageSignature, err error) {
	index, err := remote.Referrers(c.repository.Digest(digest), c.options...)
	if err != nil {
		return nil, err
	}
	list, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	for i, m := range list.Manifests {
		if i >= maxSignatures {
			return nil, fmt.Errorf("more than %d things refer to it", maxSignatures)
		}
		if !strings.HasPrefix(m.ArtifactType, bundleType) {
			continue
		}
		img, err := remote.Image(c.repository.Digest(m.Digest.String()), c.options...)
		if err != nil {
			return nil, err
		}
		inner, err := img.Manifest()
		if err != nil {
			return nil, err
		}
		for _, layer := range inner.Layers {
			if !strings.HasPrefix(string(layer.MediaType), bundleType) {
				continue
			}
			bundle, err := c.blob(layer.Digest)
			if err != nil {
				return nil, err
			}
			sigs = append(sigs, evidence.ImageSignature{Bundle: bundle})
		}
	}
	return sigs, nil
}

// blob is a small one; its digest is checked as it is read.
func (c cosigned) blob(h v1.Hash) (data []byte, err error) {
	if _, err := hex.DecodeString(h.Hex); err != nil {
		return nil, err
	}
	layer, err := remote.Layer(c.repository.Digest(h.String()), c.options...)
	if err != nil {
		return nil, err
	}
	in, err := layer.Compressed()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	if data, err = io.ReadAll(io.LimitReader(in, maxEvidence+1)); err == nil && len(data) > maxEvidence {
		err = fmt.Errorf("a signature of it has more than %d bytes", maxEvidence)
	}
	return data, err
}

// unknownImage tells whether a registry has no such image.
func unknownImage(err error) bool {
	var answer *transport.Error
	return errors.As(err, &answer) && answer.StatusCode == http.StatusNotFound
}
