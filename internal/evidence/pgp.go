package evidence

import (
	"bytes"
	"crypto"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/sandwright/sandwright/internal/fault"
)

// PGPKeys are public keys, any of which may sign.
type PGPKeys struct{ ring openpgp.EntityList }

// ParsePGPKeys reads public keys, armored or not. Name is of the file, for
// faults.
func ParsePGPKeys(name string, data []byte) (*PGPKeys, error) {
	read := openpgp.ReadKeyRing
	if bytes.Contains(data, []byte("-----BEGIN PGP")) {
		read = openpgp.ReadArmoredKeyRing
	}
	ring, err := read(bytes.NewReader(data))
	if err != nil || len(ring) == 0 {
		return nil, fault.Cannot("read %s: it holds no PGP public key", name).
			WithHint("run: gpg --armor --export FINGERPRINT > %s", name).WithCode(fault.ExitConfig)
	}
	return &PGPKeys{ring}, nil
}

// String is the keys' fingerprints.
func (k *PGPKeys) String() string {
	var all []string
	for _, e := range k.ring {
		all = append(all, fingerprint(e))
	}
	return strings.Join(all, ", ")
}

func fingerprint(e *openpgp.Entity) string {
	return strings.ToUpper(hex.EncodeToString(e.PrimaryKey.Fingerprint))
}

func (p Policy) pgp(s Subject, piece Piece) (Record, error) {
	if p.PGP == nil {
		return Record{}, unknown("signed with PGP, and sandwright.yaml names no key for it: tools.%s.pgp", p.Tool)
	}
	var signer *openpgp.Entity
	err := piece.checks(s, func(signed FileSignature, message io.Reader) (err error) {
		sums := signed.Sums
		if len(signed.Signature) == 0 {
			signer, sums, err = p.clearSigned(sums)
		} else {
			signer, err = p.detached(message, signed.Signature)
		}
		if err != nil {
			return piece.refuse(s, "verify it: expected a signature of these bytes with key %s: %w", p.PGP, err)
		}
		if signed.Sums != nil {
			return piece.listed(s, sums)
		}
		return nil
	})
	if err != nil {
		return Record{}, err
	}
	return Record{Kind: PGP, Signer: fingerprint(signer), Material: piece.Data}, nil
}

// clearSigned gives what was signed of a clear-signed text, and nothing that
// stands around it.
func (p Policy) clearSigned(text []byte) (*openpgp.Entity, []byte, error) {
	block, _ := clearsign.Decode(text)
	if block == nil {
		return nil, nil, fmt.Errorf("what came is not signed")
	}
	signature, err := io.ReadAll(block.ArmoredSignature.Body)
	if err != nil {
		return nil, nil, err
	}
	signer, err := p.signedBy(bytes.NewReader(block.Bytes), signature)
	return signer, block.Plaintext, err
}

// detached takes a signature apart from what it signs, armored or not.
func (p Policy) detached(message io.Reader, signature []byte) (*openpgp.Entity, error) {
	if block, err := armor.Decode(bytes.NewReader(signature)); err == nil {
		if signature, err = io.ReadAll(block.Body); err != nil {
			return nil, err
		}
	}
	return p.signedBy(message, signature)
}

// signedBy verifies a signature, and that its key was good at p.Now: not
// expired, not revoked. A zero Now is the time of the signature.
func (p Policy) signedBy(message io.Reader, signature []byte) (*openpgp.Entity, error) {
	now := p.Now
	if made, ok := madeAt(signature); ok && now.IsZero() {
		now = made
	}
	config := &packet.Config{Time: func() time.Time { return now }}
	sig, signer, err := openpgp.VerifyDetachedSignature(p.PGP.ring, message, bytes.NewReader(signature), config)
	if err != nil {
		return nil, err
	}
	if !slices.Contains([]crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512}, sig.Hash) {
		return nil, fmt.Errorf("its hash %s is too weak", sig.Hash)
	}
	return signer, nil
}

// madeAt is the time that a signature bears.
func madeAt(signature []byte) (time.Time, bool) {
	p, err := packet.NewReader(bytes.NewReader(signature)).Next()
	sig, ok := p.(*packet.Signature)
	if err != nil || !ok {
		return time.Time{}, false
	}
	return sig.CreationTime, true
}
