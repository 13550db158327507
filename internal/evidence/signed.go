package evidence

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strings"
)

// FileSignature is the material of Minisign and PGP: a signature over the artifact,
// or over a checksum file that names it.
type FileSignature struct {
	Signature []byte `json:"signature,omitempty"` // empty for a clear-signed checksum file
	Sums      []byte `json:"sums,omitempty"`      // empty when the artifact itself is signed
}

// Piece is s as served from an address.
func (s FileSignature) Piece(kind Kind, from string) (Piece, error) {
	data, err := json.Marshal(s)
	return Piece{Kind: kind, Data: data, From: from}, err
}

// checks opens a piece for the check of a signature over a message.
func (p Piece) checks(s Subject, check func(sig FileSignature, message io.Reader) error) (err error) {
	var signed FileSignature
	if err := json.Unmarshal(p.Data, &signed); err != nil {
		return p.refuse(s, "read it: %w", err)
	}
	var message io.Reader = bytes.NewReader(signed.Sums)
	if signed.Sums == nil {
		file, err := os.Open(s.Path)
		if err != nil {
			return p.refuse(s, "read the artifact: %w", err)
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		message = file
	}
	return check(signed, message)
}

// listed tells whether a checksum file that was verified names the artifact.
func (p Piece) listed(s Subject, sums []byte) error {
	found, err := SumOf(sums, s.File)
	switch {
	case err != nil:
		return p.refuse(s, "use it: %w", err)
	case found != s.SHA256 && found != s.SHA512:
		return p.refuse(s, "use it: it says that %s has %s, and what came from %s has sha256 %s", s.File, found, s.From, s.SHA256)
	}
	return nil
}

// SumOf finds the checksum of a file, in lower-case hex, in what sha256sum and
// sha512sum write. A file that is named twice with different sums is an error.
func SumOf(sums []byte, file string) (string, error) {
	found := ""
	lines := bufio.NewScanner(bytes.NewReader(sums))
	for lines.Scan() {
		sum, name, ok := strings.Cut(strings.TrimRight(lines.Text(), "\r"), " ")
		name = strings.TrimPrefix(strings.TrimLeft(name, " *"), "./")
		raw, err := hex.DecodeString(sum)
		if !ok || name != file || err != nil || (len(raw) != 32 && len(raw) != 64) {
			continue
		}
		sum = hex.EncodeToString(raw)
		if found != "" && found != sum {
			return "", errors.New("it names " + file + " twice")
		}
		found = sum
	}
	if err := lines.Err(); err != nil {
		return "", err
	}
	if found == "" || file == "" {
		return "", errors.New("it does not name " + file)
	}
	return found, nil
}

// signsBytes tells whether a piece is a signature over the artifact itself, and
// can be verified only with that at hand.
func (p Piece) signsBytes() bool {
	if p.Kind != Minisign && p.Kind != PGP {
		return false
	}
	var signed FileSignature
	return json.Unmarshal(p.Data, &signed) == nil && signed.Sums == nil && len(signed.Signature) > 0
}
