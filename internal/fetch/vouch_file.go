package fetch

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"net/url"
	"strings"

	"github.com/klauspost/compress/snappy"

	"github.com/sandwright/sandwright/internal/evidence"
	"github.com/sandwright/sandwright/internal/fault"
)

// maxEvidence bounds one file of evidence, in bytes.
const maxEvidence = 4 << 20

func (u urlSource) evidence(ctx context.Context, what found, platform string) (served, error) {
	return u.signatures(ctx, what, platform)
}

// evidence of a release's file is signatures beside it, and what GitHub's API
// has of how it was built.
func (g githubSource) evidence(ctx context.Context, what found, platform string) (served, error) {
	out, err := g.signatures(ctx, what, platform)
	if err != nil || len(g.spec.Vouching.Policy.Roots) == 0 {
		return out, err
	}
	out.kinds = append(out.kinds, evidence.Provenance)
	repository, _, _ := strings.Cut(g.spec.GitHub, "@")
	var answer json.RawMessage
	question := "attestations/sha256:" + what.SHA256
	if err := g.ask(ctx, repository, question, &answer); missing(err) {
		return out, nil
	} else if err != nil {
		return out, g.fault(repository, err)
	}
	at, err := g.address(repository, question)
	if err != nil {
		return out, err
	}
	if err := out.attestations(what.String(), answer, bare(at)); err != nil {
		return out, err
	}
	return out, g.stored(ctx, at, &out)
}

// stored brings the bundles that the API only names: GitHub stores them
// compressed as blocks of snappy (https://github.com/google/snappy), and gives
// addresses that hold a signature of their own, so the token stays here.
func (g githubSource) stored(ctx context.Context, api *url.URL, out *served) error {
	for _, address := range out.elsewhere {
		u, err := url.Parse(address)
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != api.Scheme {
			return fault.Cannot("use tool %s: GitHub names an address for its attestation that is none: %s", g.tool, fault.Clip(address, 80))
		}
		data, err := g.small(ctx, u, nil, maxEvidence)
		if err != nil {
			return unreachable("the attestation of tool "+g.tool, u, err, urlHint)
		}
		if n, err := snappy.DecodedLen(data); err == nil && n <= maxEvidence && !json.Valid(data) {
			if data, err = snappy.Decode(nil, data); err != nil {
				return fault.Cannot("use tool %s: its attestation from %s cannot be unpacked: %w", g.tool, bare(u), err)
			}
		}
		out.pieces = append(out.pieces, evidence.Attestation(data, bare(u))...)
	}
	return nil
}

// signatures brings what the file says is beside the download.
func (s sourced) signatures(ctx context.Context, what found, platform string) (out served, err error) {
	if len(what.URLs) == 0 {
		return out, nil
	}
	v := s.spec.Vouching
	beside := func(template string) string {
		return strings.ReplaceAll(s.templated(template, what.Version, platform), "{url}", what.URLs[0])
	}
	for _, k := range []struct {
		kind   evidence.Kind
		ending string
		at     Signing
		is     bool
	}{{evidence.Minisign, ".minisig", v.Minisign, v.Policy.Minisign != ""}, {evidence.PGP, ".asc", v.PGP, v.Policy.PGP != nil}} {
		if !k.is {
			continue
		}
		k.at.Signature, k.at.Sums = beside(k.at.Signature), beside(k.at.Sums)
		if err := s.signature(ctx, k.kind, k.at, what, k.ending, &out); err != nil {
			return out, err
		}
	}
	if v.Policy.Sigstore == nil {
		return out, nil
	}
	return out, s.bundle(ctx, beside(v.Bundle), beside(v.Sums), what.URLs[0], &out)
}

// bundle brings a bundle of sigstore, and the checksum file that it signs where
// it does not sign the download.
func (s sourced) bundle(ctx context.Context, address, sums, download string, out *served) error {
	piece := evidence.Piece{Kind: evidence.Sigstore}
	var listed []byte
	var err error
	if sums != "" {
		if listed, _, err = s.beside(ctx, sums); err != nil || listed == nil {
			return err
		}
		download = sums
	}
	if piece.Data, piece.From, err = s.beside(ctx, cmp.Or(address, download+".sigstore.json")); err != nil || piece.Data == nil {
		return err
	}
	if sums != "" {
		if piece, err = evidence.SignedSums(listed, piece); err != nil {
			return fault.Cannot("use tool %s: %s is no bundle of sigstore", s.tool, piece.From)
		}
	}
	out.pieces = append(out.pieces, piece)
	return nil
}

// signature brings a signature, and what it signs unless that is the download.
func (s sourced) signature(ctx context.Context, kind evidence.Kind, at Signing, what found, ending string, out *served) error {
	var file evidence.FileSignature
	var from string
	var err error
	signed := what.URLs[0]
	if at.Sums != "" {
		signed = at.Sums
		if file.Sums, from, err = s.beside(ctx, at.Sums); err != nil || file.Sums == nil {
			return err
		}
	}
	if kind == evidence.Minisign || !bytes.HasPrefix(file.Sums, []byte("-----BEGIN PGP SIGNED MESSAGE-----")) {
		if file.Signature, from, err = s.beside(ctx, cmp.Or(at.Signature, signed+ending)); err != nil || file.Signature == nil {
			return err
		}
	}
	piece, err := file.Piece(kind, from)
	out.pieces = append(out.pieces, piece)
	return err
}

// beside brings a small file; nil where there is none.
func (s sourced) beside(ctx context.Context, address string) (data []byte, from string, err error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, "", fault.Cannot("use tool %s: %q is no http or https address", s.tool, address)
	}
	data, err = s.small(ctx, u, nil, maxEvidence)
	if missing(err) {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", unreachable("the evidence of tool "+s.tool, u, err, urlHint)
	}
	return data, bare(u), nil
}

// evidence of a Debian package is what vouches for its archive, with apt's own
// keys, before it is resolved.
func (d debSource) evidence(context.Context, found, string) (served, error) { return served{}, nil }
