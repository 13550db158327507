package evidence

import (
	"encoding/json"
	"errors"
)

// maxAttestations bounds how many statements one artifact may have.
const maxAttestations = 100

// Attestations are the pieces of what npm's registries and GitHub's API answer
// when asked for an artifact's attestations: the bundles that say how it was
// built. Others, such as npm's own publish attestations, are left out.
// Elsewhere are the addresses of bundles that the answer only names.
func Attestations(answer []byte, from string) (pieces []Piece, elsewhere []string, err error) {
	var said struct {
		Attestations []struct {
			Bundle  json.RawMessage `json:"bundle"`
			Address string          `json:"bundle_url"`
		} `json:"attestations"`
	}
	if err := json.Unmarshal(answer, &said); err != nil {
		return nil, nil, err
	}
	if len(said.Attestations) > maxAttestations {
		return nil, nil, errors.New("there are too many")
	}
	for _, a := range said.Attestations {
		if none := len(a.Bundle) == 0 || string(a.Bundle) == "null"; none && a.Address != "" {
			elsewhere = append(elsewhere, a.Address)
		}
		pieces = append(pieces, Attestation(a.Bundle, from)...)
	}
	return pieces, elsewhere, nil
}

// Attestation is the piece of one bundle, where it says how something was
// built.
func Attestation(bundle []byte, from string) []Piece {
	if !isProvenance(predicateOf(bundle)) {
		return nil
	}
	return []Piece{{Kind: Provenance, Data: bundle, From: from}}
}

// predicateOf is what a bundle claims to state, before it is verified.
func predicateOf(bundle []byte) string {
	var b struct {
		Envelope struct {
			Payload []byte `json:"payload"`
		} `json:"dsseEnvelope"`
	}
	var statement struct {
		PredicateType string `json:"predicateType"`
	}
	if json.Unmarshal(bundle, &b) != nil || json.Unmarshal(b.Envelope.Payload, &statement) != nil {
		return ""
	}
	return statement.PredicateType
}
