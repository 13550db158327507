package fetch

import (
	"bytes"
	"context"
	"encoding/json"
	"net/url"
	"strings"
	"time"

	"github.com/sandwright/sandwright/internal/evidence"
	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/lock"
)

// vouchedAhead verifies the evidence of an npm package before anything of it is
// downloaded: what is signed is the sha512 that its registry promises, and that
// the download must have.
func (f *Fetcher) vouchedAhead(ctx context.Context, src source, spec ToolSpec, what found, platform string) ([]lock.Evidence, error) {
	registry, err := f.npm.registry(what.Package)
	if err != nil {
		return nil, err
	}
	return f.vouched(ctx, src, spec, what, "", sums{sha512: what.SHA512, from: bare(registry)}, platform)
}

// evidence gives the signatures that the registry serves with the release, and
// its provenance, where there is something to verify it with.
func (n npmSource) evidence(ctx context.Context, what found, _ string) (served, error) {
	out := served{kinds: []evidence.Kind{evidence.NPMSignature}}
	r, err := n.release(ctx, what.Package, what.Version, "tool "+n.tool)
	if err != nil {
		return out, err
	}
	registry, err := n.npm.registry(r.Name)
	if err != nil {
		return out, err
	}
	out.pieces = append(out.pieces, evidence.Piece{Kind: evidence.NPMSignature, Data: signaturesOf(r), From: bare(registry)})
	if !n.signedByKnown(r) {
		out.notices = append(out.notices, n.keyNotices(ctx, registry)...)
	}
	if err := n.provenance(ctx, r, registry, &out); err != nil {
		return out, err
	}
	return out, nil
}

// signaturesOf is what the registry serves as dist.signatures, or an empty
// list.
func signaturesOf(r release) []byte {
	if data := bytes.TrimSpace(r.Dist.Signatures); len(data) > 0 && !bytes.Equal(data, []byte("null")) {
		return data
	}
	return []byte("[]")
}

// signedByKnown tells whether the release claims a signature by a key that is
// known.
func (n npmSource) signedByKnown(r release) bool {
	var list evidence.SignedNPM
	_ = json.Unmarshal(signaturesOf(r), &list) // Judge says what is wrong with it
	for _, s := range list {
		for _, k := range n.spec.Vouching.Policy.NPMKeys {
			if k.ID == s.KeyID {
				return true
			}
		}
	}
	return false
}

// keyNotices asks a registry for its keys, once, to tell of them: no key is
// taken from the host that it vouches for.
func (n npmSource) keyNotices(ctx context.Context, registry *url.URL) []string {
	u := *registry
	u.Path, u.RawPath = strings.TrimSuffix(u.Path, "/")+"/-/npm/v1/keys", ""
	n.mu.Lock()
	defer n.mu.Unlock()
	if notices, ok := n.keys[u.String()]; ok {
		return notices
	}
	ctx, stop := context.WithTimeout(ctx, 20*time.Second)
	defer stop()
	var notices []string
	if answer, err := n.once(ctx, &u, nil, maxEvidence); err == nil {
		if given, err := evidence.ParseNPMKeys(bare(&u), answer); err == nil {
			notices = evidence.KeyNotices(bare(registry), n.spec.Vouching.Policy.NPMKeys, given)
		}
	}
	n.keys[u.String()] = notices
	return notices
}

// provenance asks the configured registry for the attestations that it says
// there are. Those that nothing could verify are not asked for, and not said to
// be absent.
func (n npmSource) provenance(ctx context.Context, r release, registry *url.URL, out *served) error {
	switch {
	case r.Dist.Attestations.URL == "":
		out.kinds = append(out.kinds, evidence.Provenance)
		return nil
	case len(n.spec.Vouching.Policy.Roots) == 0:
		out.notices = append(out.notices, r.String()+": has provenance, and sandwright.yaml names no trusted root to verify it with: trust.sigstore")
		return nil
	}
	out.kinds = append(out.kinds, evidence.Provenance)
	u := *registry
	u.Path += "-/npm/v1/attestations/" + r.String()
	u.RawPath = strings.TrimSuffix(registry.EscapedPath(), "/") + "/-/npm/v1/attestations/" + strings.Replace(url.PathEscape(r.String()), "%40", "@", 1)
	answer, err := n.small(ctx, &u, nil, maxEvidence)
	if missing(err) {
		out.notices = append(out.notices, r.String()+": its registry says that it has provenance, and serves none")
		return nil
	}
	if err != nil {
		return unreachable("the provenance of "+r.String(), &u, err, "")
	}
	return out.attestations(r.String(), answer, bare(&u))
}

// attestations adds what an answer holds.
func (s *served) attestations(what string, answer []byte, from string) error {
	pieces, elsewhere, err := evidence.Attestations(answer, from)
	if err != nil {
		return fault.Cannot("read the provenance of %s: %s gives something else: %w", what, from, err).
			WithHint("try again later; if it stays so, ask those who run it")
	}
	s.pieces, s.elsewhere = append(s.pieces, pieces...), append(s.elsewhere, elsewhere...)
	return nil
}
