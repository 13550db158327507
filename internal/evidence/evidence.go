// Package evidence verifies what is served beside an artifact: who signed it,
// and who built it. Its functions work on bytes and ask no network. What it
// has verified becomes a Record, which the lock keeps and which is verified
// again whenever the artifact is fetched.
package evidence

import (
	"time"

	"github.com/sandwright/sandwright/internal/fault"
)

// A Kind is one sort of evidence, as sandwright.lock spells it.
type Kind string

// The kinds of evidence.
const (
	NPMSignature Kind = "npm-signature" // a registry's ECDSA signature over NAME@VERSION:INTEGRITY
	Minisign     Kind = "minisign"      // over the artifact, or over a checksum file that names it
	PGP          Kind = "pgp"           // likewise
	Sigstore     Kind = "sigstore"      // a bundle that signs the artifact, or a statement about it
	Provenance   Kind = "provenance"    // a bundle that says how the artifact was built: npm's provenance, GitHub's attestations
	Cosign       Kind = "cosign"        // a signature on an image
)

// A Level orders how much is known of an artifact.
type Level string

// The levels, of which each is more than the one before.
const (
	IntegrityOnly Level = "integrity"  // it has the hashes that the lock pins; nobody vouches for them
	Signed        Level = "signature"  // a key or an identity that the user trusts signed these bytes
	Attested      Level = "provenance" // a statement that cannot be taken back says who built these bytes, and from what
)

// Levels are all levels, weakest first.
func Levels() []Level { return []Level{IntegrityOnly, Signed, Attested} }

// A Subject is one artifact: what evidence has to speak of.
type Subject struct {
	What      string    // as people know it, such as pnpm@10.28.0
	NPM       string    // NAME@VERSION of an npm package; empty for others
	File      string    // its name in checksum files
	From      string    // where it came from, as people may see it
	Path      string    // where its bytes are; may be empty where nothing signs them directly
	SHA256    string    // hex
	SHA512    string    // hex; empty for images
	Published time.Time // as its registry says; zero when not known
}

// A Piece is evidence as it was served, and not verified.
type Piece struct {
	Kind Kind
	Data []byte // in the form that Record.Material describes
	From string // where it came from, as people may see it
}

// A Record is one piece of evidence that was verified.
type Record struct {
	Kind Kind
	// Signer is the key: the id of a registry's key, minisign's public key, the
	// fingerprint of a PGP key, sha256:HEX of any other. For an identity it is
	// the name in the certificate, without the git reference of a workflow.
	Signer string
	Issuer string // who vouched for the identity (OpenID Connect); empty for keys
	// Material verifies again: a SignedNPM, FileSignature or ImageSignature as JSON, or
	// a sigstore bundle.
	Material []byte
}

// String is the record as people read it.
func (r Record) String() string {
	if r.Issuer != "" {
		return string(r.Kind) + " by " + r.Signer + " (" + r.Issuer + ")"
	}
	return string(r.Kind) + " by key " + r.Signer
}

// Level is how much r tells.
func (r Record) Level() Level {
	if r.Kind == Provenance {
		return Attested
	}
	return Signed
}

// maxPiece bounds one piece of evidence, in bytes.
const maxPiece = 4 << 20

// refuse is the fault of a piece that does not hold. It says what was
// expected, what came, and from where.
func (p Piece) refuse(s Subject, format string, args ...any) *fault.Fault {
	why := fault.Cannot(format, args...)
	f := fault.Cannot("trust %s: its %s from %s: %s", s.What, p.Kind, p.From, why.Error())
	f.Err = why.Err
	return f.WithHint("find out who changed it; nothing of it was unpacked or kept")
}
