// Package evidencetest signs for tests, with keys that it makes anew: as an
// npm registry, as minisign, PGP, cosign and as a sigstore of its own.
package evidencetest

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// An ECDSA key signs as npm's registries and as cosign.
type ECDSA struct {
	t   testing.TB
	ID  string // of a registry's key
	key *ecdsa.PrivateKey
}

// NewECDSA makes a key with the id that a registry gives it.
func NewECDSA(t testing.TB, id string) *ECDSA {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	return &ECDSA{t, id, key}
}

// Sign signs a message, in base64.
func (k *ECDSA) Sign(message []byte) string {
	k.t.Helper()
	sum := sha256.Sum256(message)
	sig, err := ecdsa.SignASN1(rand.Reader, k.key, sum[:])
	must(k.t, err)
	return base64.StdEncoding.EncodeToString(sig)
}

// Integrity is npm's word for the hash of a tarball.
func Integrity(tarball []byte) string {
	sum := sha512.Sum512(tarball)
	return "sha512-" + base64.StdEncoding.EncodeToString(sum[:])
}

// SignNPM is the dist.signatures of NAME@VERSION, as a registry serves it.
func (k *ECDSA) SignNPM(nameVersion string, tarball []byte) []map[string]string {
	return []map[string]string{{"keyid": k.ID, "sig": k.Sign([]byte(nameVersion + ":" + Integrity(tarball)))}}
}

// PEM is the public key, as cosign writes it.
func (k *ECDSA) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: k.der()})
}

func (k *ECDSA) der() []byte {
	k.t.Helper()
	der, err := x509.MarshalPKIXPublicKey(k.key.Public())
	must(k.t, err)
	return der
}

// NPMKeys is the answer of /-/npm/v1/keys for these keys. A zero expiry is
// none.
func NPMKeys(t testing.TB, expires time.Time, keys ...*ECDSA) []byte {
	t.Helper()
	var list []any
	for _, k := range keys {
		entry := map[string]any{"keyid": k.ID, "keytype": "ecdsa-sha2-nistp256", "scheme": "ecdsa-sha2-nistp256", "expires": nil,
			"key": base64.StdEncoding.EncodeToString(k.der())}
		if !expires.IsZero() {
			entry["expires"] = expires.Format(time.RFC3339)
		}
		list = append(list, entry)
	}
	data, err := json.Marshal(map[string]any{"keys": list})
	must(t, err)
	return data
}

// A PGP key signs as gpg does.
type PGP struct {
	t      testing.TB
	entity *openpgp.Entity
	config *packet.Config
}

// NewPGP makes an Ed25519 key at a time. A zero lifetime is without end.
func NewPGP(t testing.TB, made time.Time, lifetime time.Duration) *PGP {
	t.Helper()
	config := &packet.Config{Algorithm: packet.PubKeyAlgoEdDSA, DefaultHash: crypto.SHA512,
		Time: func() time.Time { return made }, KeyLifetimeSecs: uint32(lifetime / time.Second)} //nolint:gosec // of a test
	entity, err := openpgp.NewEntity("Release", "", "release@example.org", config)
	must(t, err)
	return &PGP{t, entity, config}
}

// Public is the armored public key.
func (p *PGP) Public() []byte {
	p.t.Helper()
	var b bytes.Buffer
	w, err := armor.Encode(&b, openpgp.PublicKeyType, nil)
	must(p.t, err)
	must(p.t, p.entity.Serialize(w))
	must(p.t, w.Close())
	return b.Bytes()
}

// Detached signs apart from the message, armored.
func (p *PGP) Detached(message []byte) []byte {
	p.t.Helper()
	var b bytes.Buffer
	must(p.t, openpgp.ArmoredDetachSign(&b, p.entity, bytes.NewReader(message), p.config))
	return b.Bytes()
}

// Clear signs a text within a text.
func (p *PGP) Clear(text []byte) []byte {
	p.t.Helper()
	var b bytes.Buffer
	w, err := clearsign.Encode(&b, p.entity.PrivateKey, p.config)
	must(p.t, err)
	_, err = w.Write(text)
	must(p.t, err)
	must(p.t, w.Close())
	return b.Bytes()
}
