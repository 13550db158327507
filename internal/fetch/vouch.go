package fetch

import (
	"context"
	"slices"
	"time"

	"github.com/sandwright/sandwright/internal/evidence"
	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/lock"
)

// A Vouching says who has to vouch for a tool, and where what they say is.
type Vouching struct {
	Policy   evidence.Policy // without Pinned and Now
	Minisign Signing
	PGP      Signing
	Bundle   string                     // of sigstore; empty: the address of what is signed, and .sigstore.json
	Sums     string                     // of a checksum file that sigstore's bundle signs; empty: it signs the download
	Before   map[string][]lock.Evidence // what is locked, by platform
}

// Signing says where a signature is. Both are templates, in which {url} stands
// for the address of the download.
type Signing struct {
	Signature string // empty: the address of what is signed, and the usual ending
	Sums      string // of a checksum file that is signed; empty: the download is
}

// served is what a source serves beside a download.
type served struct {
	kinds   []evidence.Kind // that were asked for
	pieces  []evidence.Piece
	notices []string

	elsewhere []string // addresses of more pieces
}

// vouched verifies the evidence of a download that nothing has looked into
// yet, or of one that is not here yet, and gives what the lock keeps of it.
func (f *Fetcher) vouched(ctx context.Context, src source, spec ToolSpec, what found, path string, s sums, platform string) ([]lock.Evidence, error) {
	what.SHA256, what.SHA512 = s.sha256, s.sha512
	given, err := src.evidence(ctx, what, platform)
	if err != nil {
		return nil, err
	}
	list, err := f.judged(spec.Vouching.Policy, spec.Vouching.Before[platform], what.subject(path, s), given)
	return slices.Concat(what.Evidence, list), err
}

// judged gives what the lock keeps of what is served, before which it had
// other evidence.
func (f *Fetcher) judged(policy evidence.Policy, before []lock.Evidence, s evidence.Subject, given served) (list []lock.Evidence, err error) {
	policy.Now = f.now()
	if policy.Pinned, err = recordsOf(before); err != nil {
		return nil, err
	}
	v, err := policy.Judge(s, given.pieces)
	if err != nil {
		return nil, noted(err, given.notices)
	}
	for _, text := range slices.Concat(v.Notices, given.notices) {
		f.notice(text)
	}
	return locked(v.Records, given.kinds), nil
}

// noted adds to the hint of faults what was noticed on the way.
func noted(err error, notices []string) error {
	faults := fault.All(err)
	for _, f := range faults {
		for _, n := range notices {
			f.Hint += "; " + n
		}
	}
	return faults.Err()
}

// vouchedAgain verifies the evidence of the lock against a download.
func (f *Fetcher) vouchedAgain(name string, a lock.Artifact, path string, s sums) error {
	return judgedAgain(f.settings.policy(name), "tool "+name, a.Evidence, found{Artifact: a}.subject(path, s))
}

// policy says who has to vouch for the tool of that name.
func (s Settings) policy(name string) evidence.Policy {
	policy := s.Vouching.Policy
	if spec, ok := s.Tools[name]; ok {
		policy = spec.Vouching.Policy
	}
	policy.Tool = name
	return policy
}

// judgedAgain verifies the evidence of the lock against what was fetched.
func judgedAgain(policy evidence.Policy, who string, list []lock.Evidence, s evidence.Subject) error {
	for _, e := range list {
		if evidence.Kind(e.Kind).Known() && e.Verdict == lock.Verified && e.Proof == "" {
			return fault.Cannot("use %s: %s says that %s is verified, and has no proof of it", who, lock.Name, e.Kind).
				WithHint("see who changed the lock, then run: sandwright lock --update %s", policy.Tool)
		}
	}
	records, err := recordsOf(list)
	if err != nil {
		return err
	}
	return policy.Recheck(s, records)
}

// subject is a download as evidence speaks of it. Of a layer of an image it is
// the image.
func (f found) subject(path string, s sums) evidence.Subject {
	out := evidence.Subject{What: f.String(), File: f.Package, From: s.from, Path: path, SHA256: s.sha256, SHA512: s.sha512}
	if at, err := time.Parse(time.RFC3339, f.Released); err == nil {
		out.Published = at
	}
	switch {
	case f.Packed == lock.PackedNPM:
		out.NPM = f.String()
	case f.Image != "":
		out.SHA256, out.SHA512, out.Path = f.Image, "", ""
	}
	if out.From == "" {
		out.From = "its source"
	}
	return out
}

// locked is what the lock keeps of the evidence: the records, and of the kinds
// that were asked for those that are absent.
func locked(records []evidence.Record, kinds []evidence.Kind) (out []lock.Evidence) {
	for _, r := range records {
		e := lock.Evidence{Kind: string(r.Kind), Verdict: lock.Verified, Proof: r.Proof()}
		if r.Issuer == "" {
			e.Key = r.Signer
		} else {
			e.Identity, e.Issuer = r.Signer, r.Issuer
		}
		out = append(out, e)
	}
	for _, kind := range kinds {
		if !slices.ContainsFunc(records, func(r evidence.Record) bool { return r.Kind == kind }) {
			out = append(out, lock.Evidence{Kind: string(kind), Verdict: lock.Absent})
		}
	}
	return out
}

// recordsOf reads what locked wrote. Evidence without a proof is of kinds that
// are no signatures.
func recordsOf(list []lock.Evidence) (records []evidence.Record, err error) {
	for _, e := range list {
		if e.Verdict != lock.Verified || e.Proof == "" {
			continue
		}
		r := evidence.Record{Kind: evidence.Kind(e.Kind), Signer: e.Key, Issuer: e.Issuer}
		if e.Issuer != "" {
			r.Signer = e.Identity
		}
		if r.Material, err = evidence.ParseProof(e.Proof); err != nil {
			return nil, fault.Cannot("use %s: the proof of %s is none: %w", lock.Name, e.Kind, err).
				WithHint("see who changed the lock, then run: sandwright lock --update")
		}
		records = append(records, r)
	}
	return records, nil
}
