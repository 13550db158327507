package evidence

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"slices"
	"strings"
	"time"

	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/verify"
	"github.com/sigstore/sigstore/pkg/signature"

	"github.com/sandwright/sandwright/internal/fault"
)

// A PublicKey is a key that signs by itself, without a certificate.
type PublicKey struct{ key crypto.PublicKey }

// ParsePublicKey reads a PEM public key, as cosign writes it. Name is of the
// file, for faults.
func ParsePublicKey(name string, data []byte) (*PublicKey, error) {
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, fault.Cannot("read %s: it holds no PEM public key", name).WithCode(fault.ExitConfig)
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fault.Cannot("read %s: it holds no PEM public key: %w", name, err).WithCode(fault.ExitConfig)
	}
	return &PublicKey{key}, nil
}

// String is the key's fingerprint.
func (k *PublicKey) String() string {
	der, err := x509.MarshalPKIXPublicKey(k.key)
	if err != nil {
		return "unknown"
	}
	return "sha256:" + sha256Hex(der)
}

func sha256Hex(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func (k *PublicKey) verify(b *bundle.Bundle, artifact verify.ArtifactPolicyOption) (signer, error) {
	verifier, err := signature.LoadDefaultVerifier(k.key)
	if err != nil {
		return signer{}, err
	}
	material := root.NewTrustedPublicKeyMaterial(func(string) (root.TimeConstrainedVerifier, error) {
		return root.NewExpiringKey(verifier, time.Time{}, time.Time{}), nil
	})
	v, err := verify.NewVerifier(material, verify.WithNoObserverTimestamps())
	if err != nil {
		return signer{}, err
	}
	result, err := v.Verify(b, verify.NewPolicy(artifact, verify.WithKey()))
	if err != nil {
		return signer{}, err
	}
	return stated(result, k.String(), ""), nil
}

// names tells whether a statement is about a subject.
func (g signer) names(subject string) bool {
	return slices.Contains(g.subjects, subject)
}

func (g signer) who() string {
	if g.issuer == "" {
		return "key " + g.name
	}
	return g.name + " (" + g.issuer + ")"
}

// is tells whether a verified bundle is of this identity.
func (i Identity) is(g signer) bool {
	if i.Key != nil {
		return g.issuer == "" && g.name == i.Key.String()
	}
	if i.Issuer != g.issuer {
		return false
	}
	return g.name == i.Name || withoutRef(g.name) == i.Name ||
		strings.HasSuffix(i.Name, "/") && strings.HasPrefix(g.name, i.Name)
}

// String is who it is.
func (i Identity) String() string {
	if i.Key != nil {
		return "key " + i.Key.String()
	}
	return i.Name + " (" + i.Issuer + ")"
}

// withoutRef cuts the git reference from the identity of a workflow, such as
// @refs/tags/v1.2.3, which differs with each release.
func withoutRef(name string) string {
	if i := strings.LastIndex(name, "@refs/"); i > 0 {
		return name[:i]
	}
	return name
}
