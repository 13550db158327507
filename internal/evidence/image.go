package evidence

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/sigstore/sigstore/pkg/signature"
)

// ImageSignature is one signature of an image, and the material of Cosign. Of
// cosign's newer form it has the Bundle, of the first form the rest: what it
// keeps as a layer and annotations of the image TAG sha256-HEX.sig.
type ImageSignature struct {
	Bundle      json.RawMessage `json:"bundle,omitempty"`
	Payload     []byte          `json:"payload,omitempty"`     // simple signing: names the digest of what is signed
	Signature   string          `json:"signature,omitempty"`   // base64, over Payload
	Certificate string          `json:"certificate,omitempty"` // PEM
	Log         string          `json:"log,omitempty"`         // what the log answered, as JSON; needed with a certificate
	Index       []byte          `json:"index,omitempty"`       // what is signed, where that is not the image but an index that lists it
}

// Piece is s as served from an address.
func (i ImageSignature) Piece(from string) (Piece, error) {
	data, err := json.Marshal(i)
	return Piece{Kind: Cosign, Data: data, From: from}, err
}

// image verifies a signature of cosign, of either form.
func (p Policy) image(s Subject, piece Piece) (Record, error) {
	var one ImageSignature
	if err := json.Unmarshal(piece.Data, &one); err != nil {
		return Record{}, piece.refuse(s, "read it: %w", err)
	}
	if p.Cosign == nil {
		return Record{}, unknown("signed with cosign, and sandwright.yaml names nobody for it: %s.cosign", p.place())
	}
	if one.Index != nil {
		if err := one.lists(s, piece); err != nil {
			return Record{}, err
		}
		s.SHA256 = sha256Hex(one.Index)
	}
	if one.Bundle == nil {
		if err := one.speaksOf(s, piece); err != nil {
			return Record{}, err
		}
		if key := p.Cosign.Key; key != nil {
			return one.byKey(s, piece, key)
		}
		converted, err := one.bundle()
		if err != nil {
			return Record{}, piece.refuse(s, "verify it: expected a signature of %s: %w", p.Cosign, err)
		}
		one.Bundle, s.SHA256 = converted, sha256Hex(one.Payload)
	}
	r, err := p.bundle(s, Piece{Kind: Cosign, Data: one.Bundle, From: piece.From})
	r.Material = piece.Data
	return r, err
}

// lists tells whether the index names this image.
func (i ImageSignature) lists(s Subject, piece Piece) error {
	var index struct {
		Manifests []struct {
			Digest string `json:"digest"`
		} `json:"manifests"`
	}
	if err := json.Unmarshal(i.Index, &index); err != nil {
		return piece.refuse(s, "read the index that is signed: %w", err)
	}
	for _, m := range index.Manifests {
		if m.Digest == "sha256:"+s.SHA256 {
			return nil
		}
	}
	return piece.refuse(s, "use it: the index that is signed does not list sha256:%s", s.SHA256)
}

// speaksOf tells whether the payload is about this image.
func (i ImageSignature) speaksOf(s Subject, piece Piece) error {
	var payload struct {
		Critical struct {
			Image struct {
				Digest string `json:"docker-manifest-digest"`
			} `json:"image"`
			Type string `json:"type"`
		} `json:"critical"`
	}
	if err := json.Unmarshal(i.Payload, &payload); err != nil || payload.Critical.Type != "cosign container image signature" {
		return piece.refuse(s, "read it: it is no signature of an image")
	}
	if got, want := payload.Critical.Image.Digest, "sha256:"+s.SHA256; got != want {
		return piece.refuse(s, "use it: expected a signature of %s, and what came is of %.100q", want, got)
	}
	return nil
}

func (i ImageSignature) byKey(s Subject, piece Piece, key *PublicKey) (Record, error) {
	raw, err := base64.StdEncoding.DecodeString(i.Signature)
	if err != nil {
		return Record{}, piece.refuse(s, "read it: its signature is not base64")
	}
	verifier, err := signature.LoadDefaultVerifier(key.key)
	if err == nil {
		err = verifier.VerifySignature(bytes.NewReader(raw), bytes.NewReader(i.Payload))
	}
	if err != nil {
		return Record{}, piece.refuse(s, "verify it: expected a signature with key %s, and what came is by another key or forged: %w", key, err)
	}
	return Record{Kind: Cosign, Signer: key.String(), Material: piece.Data}, nil
}

// bundle is the same signature in the newer form.
func (i ImageSignature) bundle() ([]byte, error) {
	cert, _ := pem.Decode([]byte(i.Certificate))
	if cert == nil {
		return nil, errors.New("it has no certificate")
	}
	raw, err := base64.StdEncoding.DecodeString(i.Signature)
	if err != nil {
		return nil, err
	}
	entry, err := i.entry()
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256(i.Payload)
	return json.Marshal(map[string]any{
		"mediaType": "application/vnd.dev.sigstore.bundle+json;version=0.1",
		"verificationMaterial": map[string]any{
			"x509CertificateChain": map[string]any{"certificates": []any{map[string]any{"rawBytes": cert.Bytes}}},
			"tlogEntries":          []any{entry},
		},
		"messageSignature": map[string]any{
			"messageDigest": map[string]any{"algorithm": "SHA2_256", "digest": digest[:]},
			"signature":     raw,
		},
	})
}

// entry reads what the log answered when the signature was made.
func (i ImageSignature) entry() (map[string]any, error) {
	var said struct {
		SignedEntryTimestamp []byte
		Payload              struct {
			Body           []byte `json:"body"`
			IntegratedTime int64  `json:"integratedTime"`
			LogIndex       int64  `json:"logIndex"`
			LogID          string `json:"logID"`
		}
	}
	if err := json.Unmarshal([]byte(i.Log), &said); err != nil {
		return nil, fmt.Errorf("it has no entry of a log: %w", err)
	}
	var kind struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
	}
	id, err := hex.DecodeString(said.Payload.LogID)
	if err := errors.Join(err, json.Unmarshal(said.Payload.Body, &kind)); err != nil {
		return nil, fmt.Errorf("its entry of a log: %w", err)
	}
	return map[string]any{
		"logIndex":          fmt.Sprint(said.Payload.LogIndex),
		"logId":             map[string]any{"keyId": id},
		"kindVersion":       map[string]any{"kind": kind.Kind, "version": kind.APIVersion},
		"integratedTime":    fmt.Sprint(said.Payload.IntegratedTime),
		"inclusionPromise":  map[string]any{"signedEntryTimestamp": said.SignedEntryTimestamp},
		"canonicalizedBody": said.Payload.Body,
	}, nil
}
