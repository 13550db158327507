package evidence

import (
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
)

// A bundledSums is the material of Sigstore where it signs a checksum file.
type bundledSums struct {
	Sums   []byte          `json:"sums"`
	Bundle json.RawMessage `json:"bundle"` // of sigstore, that signs Sums
}

// SignedSums is a bundle of sigstore that signs a checksum file, as a piece for
// a policy with Sums.
func SignedSums(sums []byte, bundle Piece) (Piece, error) {
	data, err := json.Marshal(bundledSums{sums, bundle.Data})
	bundle.Data = data
	return bundle, err
}

// signedSums verifies that a checksum file is signed, and names the artifact.
func (p Policy) signedSums(s Subject, piece Piece) (Record, error) {
	var signed bundledSums
	if err := json.Unmarshal(piece.Data, &signed); err != nil || len(signed.Sums) == 0 {
		return Record{}, piece.refuse(s, "read it: it is no checksum file and a bundle of sigstore")
	}
	sum := sha512.Sum512(signed.Sums)
	list := Subject{What: "the checksums of " + s.What, From: s.From, SHA256: sha256Hex(signed.Sums), SHA512: hex.EncodeToString(sum[:])}
	p.Sums = false
	r, err := p.bundle(list, Piece{Kind: piece.Kind, Data: signed.Bundle, From: piece.From})
	if err != nil {
		return Record{}, err
	}
	if err := piece.listed(s, signed.Sums); err != nil {
		return Record{}, err
	}
	r.Material = piece.Data
	return r, nil
}
