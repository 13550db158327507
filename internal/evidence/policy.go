package evidence

import (
	"cmp"
	"slices"
	"time"

	"aead.dev/minisign"
	"github.com/ProtonMail/go-crypto/openpgp"

	"github.com/sandwright/sandwright/internal/fault"
)

// A Policy is what one tool, or the base, needs, and whom it trusts.
type Policy struct {
	At      fault.Position // of the tool in sandwright.yaml
	Tool    string         // its name; base where Base is set
	Base    bool           // it is the base, and no tool
	Require Level          // what is needed at least; empty: no less than before

	NPMKeys    []NPMKey
	Minisign   string    // the public key; empty: not asked for
	PGP        *PGPKeys  // nil: not asked for
	Sigstore   *Identity // who must have signed; nil: not asked for
	Sums       bool      // what Sigstore signs is a checksum file that names the artifact
	Provenance *Identity // who must have built; nil: whoever did at the first lock
	Origin     *Identity // who may have built it, where Provenance names nobody; nil: anybody
	Cosign     *Identity // who must have signed an image
	Roots      Roots     // that identities are verified with

	Pinned []Record  // what the lock has of the same tool and platform
	Ahead  bool      // the artifact is not here: see Recheck
	Now    time.Time // for the expiry of keys; zero: at the time of the signature
}

// An Identity is a key, or whom a certificate was given to.
type Identity struct {
	Name   string     // as in the certificate; without a git reference: any
	Issuer string     // of OpenID Connect; empty: any, for an identity that is a repository's own
	Key    *PublicKey // instead of Name and Issuer
}

// name is what p is about, for people.
func (p Policy) name() string {
	if p.Base {
		return "the base"
	}
	return "tool " + p.Tool
}

// place is where sandwright.yaml says p.
func (p Policy) place() string {
	if p.Base {
		return "base"
	}
	return "tools." + p.Tool
}

// A Verdict is what is known of an artifact after its evidence was looked at.
type Verdict struct {
	Records []Record // sorted by kind
	Notices []string // what a person should know: what is absent, what was pinned for the first time
}

// Level is the highest level of the records.
func (v Verdict) Level() Level { return levelOf(v.Records) }

func levelOf(records []Record) Level {
	level := IntegrityOnly
	for _, r := range records {
		if rank(r.Level()) > rank(level) {
			level = r.Level()
		}
	}
	return level
}

func rank(l Level) int { return slices.Index(Levels(), l) }

// verifier checks one kind of piece.
type verifier func(Policy, Subject, Piece) (Record, error)

func (k Kind) verifier() (verifier, bool) {
	v, ok := map[Kind]verifier{
		NPMSignature: Policy.npmSignature,
		Minisign:     Policy.minisign,
		PGP:          Policy.pgp,
		Sigstore:     Policy.bundle,
		Provenance:   Policy.bundle,
		Cosign:       Policy.image,
	}[k]
	return v, ok
}

// Known tells whether k is a kind that this package verifies.
func (k Kind) Known() bool {
	_, ok := k.verifier()
	return ok
}

// Judge verifies every piece, and tells whether what they say together is
// enough: what the file names is there, the level is no less than Require, and
// nothing that is pinned went missing or is by somebody else. A piece that
// does not hold is always a fault; all faults are reported together. A piece by
// a key that nobody named is as good as none, and is said in a notice.
func (p Policy) Judge(s Subject, pieces []Piece) (v Verdict, err error) {
	var faults fault.List
	var why []string
	for _, piece := range pieces {
		r, err := p.verify(s, piece)
		switch unknown, ok := err.(*Unknown); { //nolint:errorlint // verify gives it bare
		case ok:
			why = append(why, unknown.Error())
		case err != nil:
			faults = append(faults, fault.All(err)...)
		default:
			v.add(r)
		}
	}
	if len(faults) > 0 {
		return Verdict{}, faults.Err()
	}
	v.Notices = append(p.unverified(s, v, why), p.pinnedAnew(v.Records)...)
	return v, slices.Concat(p.missing(s, v), p.weaker(s, v)).Err()
}

// unverified tells what was served and is as good as nothing, and of an
// artifact that nobody vouches for that this is so.
func (p Policy) unverified(s Subject, v Verdict, why []string) []string {
	before := s.What + ": "
	if v.Level() == IntegrityOnly {
		before += "integrity only: "
		if len(why) == 0 {
			why = []string{"nobody's signature on it was verified"}
		}
	}
	notices := slices.Clone(why)
	for i, text := range why {
		notices[i] = before + text
	}
	return notices
}

// Recheck verifies the records of the lock against an artifact that was
// fetched, as they were when they were locked, and that they still are what
// the file asks for. Ahead of the artifact, of a signature over its bytes
// themselves only the key is held against the file's. All faults are reported
// together.
func (p Policy) Recheck(s Subject, records []Record) error {
	var faults fault.List
	for _, r := range records {
		faults = append(faults, fault.All(p.again(s, r))...)
	}
	s.From = lockName
	return append(faults, p.missing(s, Verdict{Records: records})...).Err()
}

// lockName is where records come from.
const lockName = "sandwright.lock"

func (p Policy) again(s Subject, r Record) error {
	p.Now = time.Time{}
	hint := "see who changed the lock, then run: sandwright lock --update " + p.Tool
	piece := Piece{Kind: r.Kind, Data: r.Material, From: lockName}
	if p.Ahead && piece.signsBytes() {
		return p.named(s, r, hint)
	}
	got, err := p.verify(s, piece)
	switch unknown, ok := err.(*Unknown); { //nolint:errorlint // verify gives it bare
	case ok:
		return p.fault("trust %s: its %s from %s: %s", s.What, r.Kind, lockName, unknown).WithHint("%s", hint)
	case err != nil:
		return err
	case got.Signer != r.Signer || got.Issuer != r.Issuer:
		return p.fault("trust %s: %s says %s, and its evidence is %s", s.What, lockName, r, got).WithHint("%s", hint)
	}
	return nil
}

// named holds the key of a record against the one that the file names.
func (p Policy) named(s Subject, r Record, hint string) error {
	var key minisign.PublicKey
	switch {
	case r.Kind == PGP && p.PGP != nil && slices.ContainsFunc(p.PGP.ring, func(e *openpgp.Entity) bool { return fingerprint(e) == r.Signer }):
		return nil
	case r.Kind == Minisign && key.UnmarshalText([]byte(p.Minisign)) == nil && key.String() == r.Signer:
		return nil
	}
	return p.fault("trust %s: %s says %s, and sandwright.yaml names no such key", s.What, lockName, r).WithHint("%s", hint)
}

func (p Policy) verify(s Subject, piece Piece) (Record, error) {
	if len(piece.Data) > maxPiece {
		return Record{}, piece.refuse(s, "use it: it has %d bytes, and evidence has %d at most", len(piece.Data), maxPiece)
	}
	verify, ok := piece.Kind.verifier()
	if !ok {
		return Record{}, piece.refuse(s, "verify it: there is no such kind of evidence")
	}
	return verify(p, s, piece)
}

// add keeps one record of a kind and signer.
func (v *Verdict) add(r Record) {
	same := func(o Record) bool { return o.Kind == r.Kind && o.Signer == r.Signer && o.Issuer == r.Issuer }
	if slices.ContainsFunc(v.Records, same) {
		return
	}
	v.Records = append(v.Records, r)
	slices.SortFunc(v.Records, func(a, b Record) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Signer, b.Signer), cmp.Compare(a.Issuer, b.Issuer))
	})
}

func (p Policy) fault(format string, args ...any) *fault.Fault {
	f := fault.Cannot(format, args...)
	f.At = p.At
	return f
}
