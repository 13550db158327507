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
func Attestations(answer []byte, from string) (pieces []Piece, err error) {
	var said struct {
		Attestations []struct {
			Bundle json.RawMessage `json:"bundle"`
		} `json:"attestations"`
	}
	if err := json.Unmarshal(answer, &said); err != nil {
		return nil, err
	}
	if len(said.Attestations) > maxAttestations {
		return nil, errors.New("there are too many")
	}
	for _, a := range said.Attestations {
		if isProvenance(predicateOf(a.Bundle)) {
			pieces = append(pieces, Piece{Kind: Provenance, Data: a.Bundle, From: from})
		}
	}
	return pieces, nil
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
