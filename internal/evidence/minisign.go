package evidence

import (
	"errors"
	"fmt"
	"io"

	"aead.dev/minisign"
)

// maxLegacy bounds an artifact whose signature was made over all of its bytes
// at once, as minisign did before version 0.10; it is held in memory.
const maxLegacy = 256 << 20

// CheckMinisignKey tells whether text is a public key of minisign.
func CheckMinisignKey(text string) error {
	var key minisign.PublicKey
	return key.UnmarshalText([]byte(text))
}

func (p Policy) minisign(s Subject, piece Piece) (Record, error) {
	var key minisign.PublicKey
	if err := key.UnmarshalText([]byte(p.Minisign)); err != nil {
		return Record{}, unknown("signed with minisign, and sandwright.yaml names no key for it: tools.%s.minisign", p.Tool)
	}
	err := piece.checks(s, func(signed FileSignature, message io.Reader) error {
		var sig minisign.Signature
		if err := sig.UnmarshalText(signed.Signature); err != nil {
			return piece.refuse(s, "read it: it is not what minisign writes")
		}
		if sig.KeyID != key.ID() {
			return piece.refuse(s, "take its key: expected %016X, which sandwright.yaml names, and it is signed with %016X", key.ID(), sig.KeyID)
		}
		ok, err := minisigned(key, sig, signed.Signature, message)
		if err != nil {
			return piece.refuse(s, "verify it: %w", err)
		}
		if !ok {
			return piece.refuse(s, "verify it: expected a signature of these bytes with key %016X, and what came is of something else or forged", key.ID())
		}
		if signed.Sums != nil {
			return piece.listed(s, signed.Sums)
		}
		return nil
	})
	if err != nil {
		return Record{}, err
	}
	return Record{Kind: Minisign, Signer: key.String(), Material: piece.Data}, nil
}

func minisigned(key minisign.PublicKey, sig minisign.Signature, text []byte, message io.Reader) (bool, error) {
	if sig.Algorithm == minisign.HashEdDSA {
		hashed := minisign.NewReader(message)
		if _, err := io.Copy(io.Discard, hashed); err != nil {
			return false, err
		}
		return hashed.Verify(key, text), nil
	}
	whole, err := io.ReadAll(io.LimitReader(message, maxLegacy+1))
	if err != nil {
		return false, err
	}
	if len(whole) > maxLegacy {
		return false, errors.New("it is of minisign's old form, which is for at most " + fmt.Sprint(maxLegacy>>20) + " MB")
	}
	return minisign.Verify(key, whole, text), nil
}
