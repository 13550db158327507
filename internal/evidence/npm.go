package evidence

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	_ "embed"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sandwright/sandwright/internal/fault"
)

// An NPMKey is a key that a registry signs packages with.
type NPMKey struct {
	ID      string
	Expires time.Time // packages published later are not signed with it; zero: never
	key     *ecdsa.PublicKey
}

// An NPMSig is one entry of dist.signatures of a package version.
type NPMSig struct {
	KeyID string `json:"keyid"`
	Sig   string `json:"sig"` // base64 of an ASN.1 ECDSA signature
}

// SignedNPM is the material of NPMSignature: the entries of dist.signatures,
// and the sha512 that they sign is that of the artifact.
type SignedNPM []NPMSig

// An Unknown is the error of evidence by a signer that nobody named.
type Unknown struct{ text string }

// Error says whose evidence it is.
func (u *Unknown) Error() string { return u.text }

func unknown(format string, args ...any) *Unknown { return &Unknown{fmt.Sprintf(format, args...)} }

// maxKeys bounds a key file, and the signatures of one package.
const maxKeys = 64

// publicNPMKeys are the keys of npm's public registry, as Corepack 0.34 ships
// them too. Mirrors pass its signatures on.
//
//go:embed npmkeys.json
var publicNPMKeys []byte

// PublicNPMKeys are the keys of npm's public registry. They are part of this
// program: they do not come from the host that they vouch for.
func PublicNPMKeys() []NPMKey {
	keys, err := ParseNPMKeys("npmkeys.json", publicNPMKeys)
	if err != nil {
		panic(err) // a test reads them
	}
	return keys
}

// ParseNPMKeys reads keys in the form of a registry's /-/npm/v1/keys. Name is
// of the file, for faults.
func ParseNPMKeys(name string, data []byte) ([]NPMKey, error) {
	var file struct {
		Keys []struct {
			KeyID   string  `json:"keyid"`
			Key     string  `json:"key"` // base64 of a DER SubjectPublicKeyInfo
			Expires *string `json:"expires"`
		} `json:"keys"`
	}
	if err := json.Unmarshal(data, &file); err != nil || len(file.Keys) == 0 || len(file.Keys) > maxKeys {
		return nil, fault.Cannot("read %s: it is not {\"keys\": [{\"keyid\": …, \"key\": …}]} with 1 to %d keys", name, maxKeys).
			WithHint("write into it what the registry gives at /-/npm/v1/keys, from a copy that somebody else vouches for").WithCode(fault.ExitConfig)
	}
	keys := make([]NPMKey, 0, len(file.Keys))
	for _, k := range file.Keys {
		key, err := ecdsaKey(k.Key)
		if err != nil || k.KeyID == "" {
			return nil, fault.Cannot("read %s: key %q is not a base64 ECDSA public key", name, k.KeyID).WithCode(fault.ExitConfig)
		}
		out := NPMKey{ID: k.KeyID, key: key}
		if k.Expires != nil {
			if out.Expires, err = time.Parse(time.RFC3339, *k.Expires); err != nil {
				return nil, fault.Cannot("read %s: key %q expires at %q, which is no time", name, k.KeyID, *k.Expires).WithCode(fault.ExitConfig)
			}
		}
		keys = append(keys, out)
	}
	return keys, nil
}

func ecdsaKey(text string) (*ecdsa.PublicKey, error) {
	der, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, err
	}
	parsed, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, err
	}
	key, ok := parsed.(*ecdsa.PublicKey)
	if !ok {
		return nil, errors.New("it is no ECDSA key")
	}
	return key, nil
}

// npmSignature verifies the first signature by a key that is known.
func (p Policy) npmSignature(s Subject, piece Piece) (Record, error) {
	var signed SignedNPM
	if err := json.Unmarshal(piece.Data, &signed); err != nil || len(signed) > maxKeys {
		return Record{}, piece.refuse(s, "read it: dist.signatures is not a list of keyid and sig")
	}
	if len(signed) == 0 {
		return Record{}, unknown("%s serves no signature", piece.From)
	}
	var others []string
	for _, sig := range signed {
		for _, key := range p.NPMKeys {
			if key.ID == sig.KeyID {
				return key.verify(s, piece, sig, p.Now)
			}
		}
		others = append(others, fmt.Sprintf("%.80q", sig.KeyID))
	}
	return Record{}, unknown("signed with key %s, which neither sandwright.yaml nor this program knows", strings.Join(others, ", "))
}

// verify checks one signature. A zero now, for what was verified before, does
// not ask when the package was published.
func (k NPMKey) verify(s Subject, piece Piece, sig NPMSig, now time.Time) (Record, error) {
	raw, err := hex.DecodeString(s.SHA512)
	if err != nil {
		return Record{}, piece.refuse(s, "verify it: the sha512 of the artifact is not known")
	}
	message := s.NPM + ":sha512-" + base64.StdEncoding.EncodeToString(raw)
	signature, err := base64.StdEncoding.DecodeString(sig.Sig)
	sum := sha256.Sum256([]byte(message))
	if err != nil || !ecdsa.VerifyASN1(k.key, sum[:], signature) {
		return Record{}, piece.refuse(s, "verify it: expected a signature of %s with key %s, and what came is of something else or forged: %.200q", message, k.ID, sig.Sig)
	}
	if !now.IsZero() && !k.Expires.IsZero() && (s.Published.IsZero() || s.Published.After(k.Expires)) {
		return Record{}, piece.refuse(s, "take key %s: it expired at %s, and the package was published %s", k.ID, k.Expires.Format(time.RFC3339), published(s.Published))
	}
	material, err := json.Marshal(SignedNPM{sig})
	return Record{Kind: NPMSignature, Signer: k.ID, Material: material}, err
}

func published(t time.Time) string {
	if t.IsZero() {
		return "at a time that its registry does not tell"
	}
	return "at " + t.Format(time.RFC3339)
}

// KeyNotices compare the keys that a registry gives of itself with those that
// are known. They are for a person to judge: nothing is trusted for them.
func KeyNotices(from string, known, given []NPMKey) (notices []string) {
	for _, g := range given {
		same := func(k NPMKey) bool { return k.ID == g.ID && k.key.Equal(g.key) }
		named := func(k NPMKey) bool { return k.ID == g.ID }
		switch {
		case slices.ContainsFunc(known, same):
			notices = append(notices, fmt.Sprintf("%s signs packages with key %s, which is known", from, g.ID))
		case slices.ContainsFunc(known, named):
			notices = append(notices, fmt.Sprintf("%s gives another key under the name %s than the one that is known: it may be an impostor", from, g.ID))
		default:
			notices = append(notices, fmt.Sprintf("%s says that it signs with key %.80q, and nothing but itself vouches for that: check it elsewhere, then add it to trust.npm-keys", from, g.ID))
		}
	}
	return notices
}

// ClaimedKey is the id of the key that the material of an NPMSignature names.
// Nothing of it is verified.
func ClaimedKey(r Record) (string, error) {
	var signed SignedNPM
	if err := json.Unmarshal(r.Material, &signed); err != nil || len(signed) != 1 {
		return "", errors.New("it is not one signature")
	}
	return signed[0].KeyID, nil
}
