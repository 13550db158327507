package evidence

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/verify"

	"github.com/sandwright/sandwright/internal/fault"
)

// Roots are sigstore's roots of trust: the certificate authorities, logs and
// clocks that identities are verified with.
type Roots []*root.TrustedRoot

// maxRoots bounds the roots of one file.
const maxRoots = 16

// ParseRoots reads one trusted root as JSON, or several, one a line. Name is
// of the file, for faults.
func ParseRoots(name string, data []byte) (roots Roots, err error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	for decoder.More() {
		var raw json.RawMessage
		if err = decoder.Decode(&raw); err != nil {
			break
		}
		var one *root.TrustedRoot
		if one, err = root.NewTrustedRootFromJSON(raw); err != nil {
			break
		}
		if roots = append(roots, one); len(roots) > maxRoots {
			err = fmt.Errorf("it holds more than %d", maxRoots)
			break
		}
	}
	if err == nil && len(roots) == 0 {
		err = errors.New("it is empty")
	}
	if err != nil {
		return nil, fault.Cannot("read %s: it is no trusted root of sigstore: %w", name, err).
			WithHint("run: cosign trusted-root create, or gh attestation trusted-root").WithCode(fault.ExitConfig)
	}
	return roots, nil
}

// bundle verifies a sigstore bundle about the artifact: of an identity, or of
// the key that the file names.
func (p Policy) bundle(s Subject, piece Piece) (Record, error) {
	want := p.identityFor(piece.Kind)
	if p.Sums && piece.Kind == Sigstore {
		return p.signedSums(s, piece)
	}
	if want == nil && len(p.Roots) == 0 {
		return Record{}, unknown("has %s, and sandwright.yaml names no trusted root to verify it with: trust.sigstore", piece.Kind)
	}
	got, err := p.Roots.verify(s, piece, want)
	if err != nil {
		return Record{}, piece.refuse(s, "verify it: %w", err)
	}
	if !got.serves(piece.Kind) {
		return Record{}, piece.refuse(s, "use it: it states %.200q, which is not what %s is", got.predicate, piece.Kind)
	}
	if s.NPM != "" && got.predicate != "" && !got.names(purl(s.NPM)) {
		return Record{}, piece.refuse(s, "use it: expected a statement about %s, and what came is about %.200q", purl(s.NPM), got.subjects)
	}
	if want != nil && !want.is(got) {
		return Record{}, piece.refuse(s, "take it from %s: expected %s", got.who(), want)
	}
	return Record{Kind: piece.Kind, Signer: withoutRef(got.name), Issuer: got.issuer, Material: piece.Data}, nil
}

func (p Policy) identityFor(kind Kind) *Identity {
	switch kind {
	case Provenance:
		return cmp.Or(p.Provenance, p.Origin)
	case Cosign:
		return p.Cosign
	}
	return p.Sigstore
}

// A signer is what a bundle says, once it was verified.
type signer struct {
	name, issuer string   // issuer is empty for a key
	predicate    string   // type of its statement; empty when it signs the artifact itself
	subjects     []string // of its statement
}

// verify holds a bundle against each root in turn, or against the key.
func (r Roots) verify(s Subject, piece Piece, want *Identity) (signer, error) {
	b := &bundle.Bundle{}
	if err := b.UnmarshalJSON(piece.Data); err != nil {
		return signer{}, fmt.Errorf("it is no sigstore bundle: %w", err)
	}
	artifact, err := s.digests(b)
	if err != nil {
		return signer{}, err
	}
	if want != nil && want.Key != nil {
		return want.Key.verify(b, artifact)
	}
	err = errors.New("there is no trusted root to verify it with: trust.sigstore")
	for _, one := range r {
		var result *verify.VerificationResult
		v, newErr := verify.NewVerifier(one, demands(one)...)
		if err = newErr; err != nil {
			continue
		}
		if result, err = v.Verify(b, verify.NewPolicy(artifact, verify.WithoutIdentitiesUnsafe())); err != nil {
			continue
		}
		if result.Signature.Certificate == nil {
			return signer{}, errors.New("it was signed with a key, and expected is an identity")
		}
		c := result.Signature.Certificate
		return stated(result, c.SubjectAlternativeName, c.Issuer), nil
	}
	return signer{}, err
}

// demands is what a root can verify: everything that it knows of must be there.
func demands(r *root.TrustedRoot) []verify.VerifierOption {
	options := []verify.VerifierOption{verify.WithObserverTimestamps(1)}
	if len(r.RekorLogs()) > 0 {
		options = append(options, verify.WithTransparencyLog(1))
	}
	if len(r.CTLogs()) > 0 {
		options = append(options, verify.WithSignedCertificateTimestamps(1))
	}
	return options
}

func stated(result *verify.VerificationResult, name, issuer string) signer {
	out := signer{name: name, issuer: issuer}
	if result.Statement != nil {
		out.predicate = result.Statement.GetPredicateType()
		for _, subject := range result.Statement.GetSubject() {
			out.subjects = append(out.subjects, subject.GetName())
		}
	}
	return out
}

// digests is the artifact as the bundle names it: npm's statements have its
// sha512, all others its sha256.
func (s Subject) digests(b *bundle.Bundle) (verify.ArtifactPolicyOption, error) {
	algorithm, sum := "sha256", s.SHA256
	content, err := b.SignatureContent()
	if err != nil {
		return nil, err
	}
	if s.NPM != "" && content.EnvelopeContent() != nil {
		algorithm, sum = "sha512", s.SHA512
	}
	raw, err := hex.DecodeString(sum)
	if err != nil || len(raw) == 0 {
		return nil, fmt.Errorf("the %s of the artifact is not known", algorithm)
	}
	return verify.WithArtifactDigest(algorithm, raw), nil
}

// serves tells whether what was stated is of that kind: how something was
// built, or merely that it was signed.
func (g signer) serves(kind Kind) bool {
	if kind == Provenance {
		return isProvenance(g.predicate)
	}
	return g.predicate == "" || g.predicate == "https://sigstore.dev/cosign/sign/v1" || isProvenance(g.predicate)
}

// isProvenance tells whether a statement of that type says how something was
// built.
func isProvenance(predicate string) bool {
	return strings.HasPrefix(predicate, "https://slsa.dev/provenance/")
}

// purl is a package URL of npm, as statements name it.
func purl(nameVersion string) string {
	i := strings.LastIndexByte(nameVersion, '@')
	name, version := nameVersion[:i], nameVersion[i+1:]
	if scope, rest, ok := strings.Cut(strings.TrimPrefix(name, "@"), "/"); ok {
		name = "%40" + scope + "/" + rest
	}
	return "pkg:npm/" + name + "@" + url.PathEscape(version)
}
