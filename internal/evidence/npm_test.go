package evidence_test

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sandwright/sandwright/internal/evidence"
	"github.com/sandwright/sandwright/internal/evidence/evidencetest"
)

func npmKeys(t *testing.T, expires time.Time, keys ...*evidencetest.ECDSA) []evidence.NPMKey {
	t.Helper()
	out, err := evidence.ParseNPMKeys("npm-keys.json", evidencetest.NPMKeys(t, expires, keys...))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func npmPiece(t *testing.T, signatures any) []evidence.Piece {
	return []evidence.Piece{{Kind: evidence.NPMSignature, Data: jsonOf(t, signatures), From: from}}
}

func TestNPMSignature(t *testing.T) {
	key, other := evidencetest.NewECDSA(t, "SHA256:one"), evidencetest.NewECDSA(t, "SHA256:two")
	impostor := evidencetest.NewECDSA(t, "SHA256:one") // another key under the same id
	good := key.SignNPM("tool@1.2.3", artifact())
	for _, c := range []judged{
		{name: "good", pieces: npmPiece(t, good), level: evidence.Signed},
		{name: "good among others", pieces: npmPiece(t, append(other.SignNPM("tool@1.2.3", artifact()), good...)), level: evidence.Signed},
		{name: "stripped", pieces: npmPiece(t, []any{}), level: evidence.IntegrityOnly, notice: "tool@1.2.3: integrity only: " + from + " serves no signature"},
		{name: "unknown key", pieces: npmPiece(t, other.SignNPM("tool@1.2.3", artifact())), level: evidence.IntegrityOnly,
			notice: `tool@1.2.3: integrity only: signed with key "SHA256:two", which neither sandwright.yaml nor this program knows`},
		{name: "swapped key", pieces: npmPiece(t, impostor.SignNPM("tool@1.2.3", artifact())),
			fault: "cannot verify it: expected a signature of tool@1.2.3:" + evidencetest.Integrity(artifact()) + " with key SHA256:one, and what came is of something else or forged: \"ME"},
		{name: "of another version", pieces: npmPiece(t, key.SignNPM("tool@1.2.2", artifact())), fault: "is of something else or forged"},
		{name: "of another package", pieces: npmPiece(t, key.SignNPM("fool@1.2.3", artifact())), fault: "is of something else or forged"},
		{name: "of other bytes", pieces: npmPiece(t, key.SignNPM("tool@1.2.3", []byte("x"))), fault: "is of something else or forged"},
		{name: "not base64", pieces: npmPiece(t, []map[string]string{{"keyid": "SHA256:one", "sig": "%%"}}), fault: "is of something else or forged"},
		{name: "not a list", pieces: npmPiece(t, "x"), fault: "cannot read it: dist.signatures is not a list of keyid and sig"},
		{name: "hash unknown", pieces: npmPiece(t, good), edit: func(_ *evidence.Policy, s *evidence.Subject) { s.SHA512 = "zz" },
			fault: "the sha512 of the artifact is not known"},
		{name: "expired", pieces: npmPiece(t, good), edit: func(p *evidence.Policy, s *evidence.Subject) {
			p.NPMKeys, s.Published = npmKeys(t, time.Unix(1e9, 0), key), time.Unix(2e9, 0)
		}, fault: "cannot take key SHA256:one: it expired at 2001-09-09T01:46:40Z, and the package was published at 2033"},
		{name: "expired, time unknown", pieces: npmPiece(t, good), edit: func(p *evidence.Policy, _ *evidence.Subject) {
			p.NPMKeys = npmKeys(t, time.Unix(1e9, 0), key)
		}, fault: "at a time that its registry does not tell"},
		{name: "published before it expired", pieces: npmPiece(t, good), edit: func(p *evidence.Policy, s *evidence.Subject) {
			p.NPMKeys, s.Published = npmKeys(t, time.Unix(1e9, 0), key), time.Unix(9e8, 0)
		}, level: evidence.Signed},
	} {
		p := policy()
		p.NPMKeys = npmKeys(t, time.Time{}, key)
		c.run(t, p, subject(t))
	}
}

// What npm's public registry really served for two packages, one with each of
// its keys.
func TestPublicNPMKeysVerifyWhatTheRegistrySigned(t *testing.T) {
	for _, c := range []struct {
		of, integrity, keyID, sig string
		published                 time.Time
	}{
		{"three@0.185.1", "5aojFCXKwnjBRZvUnt3WFfEcvUJgkN5LlijRFN95hMy8WVkG4I0QNcJE+OuWvuJ0bOdStrbfXn0pkd6/QyiAlg==",
			"SHA256:DhQ8wR5APBvFHLF/+Tc+AYvPOdTpcIDqOhxsBHRwC7U",
			"MEUCIQD83Brjvns+dAJNgU8wr8hDhkZhZZZVUSDZ3xSxBGmMsgIgQPnhKIs3cTy93RyE9AA0OJsOsxTrs5hw+Erw939CekQ=", time.Time{}},
		{"@midas-ds/flex@1.0.2", "ekiZqCrAZj0LFWquH7NKNp+KtQoVxlBYLlti4bVKVPgyVNRf5mqRJcl7e06rLQ89bbRizQnt7pQVucFzGJZwXg==",
			"SHA256:jl3bwswu80PjjokCgh0o2w5c2U4LhQAE57gj9cz1kzA",
			"MEQCIHBEyIpLa9GlUcczHLE0JdxLAn+VN99Cflavc/yPy7qsAiBbupY/Z4LJ7MDNANGmIdwUetz0yGiKRclksrpPwTMvLQ==", time.Date(2024, 11, 15, 0, 0, 0, 0, time.UTC)},
	} {
		raw, err := base64.StdEncoding.DecodeString(c.integrity)
		if err != nil {
			t.Fatal(err)
		}
		s := evidence.Subject{What: c.of, NPM: c.of, SHA512: hex.EncodeToString(raw), Published: c.published}
		p := policy()
		p.NPMKeys, p.Require = evidence.PublicNPMKeys(), evidence.Signed
		pieces := npmPiece(t, evidence.SignedNPM{{KeyID: c.keyID, Sig: c.sig}})
		if _, err := p.Judge(s, pieces); err != nil {
			t.Error(err)
		}
		s.NPM += "1"
		if _, err := p.Judge(s, pieces); err == nil {
			t.Errorf("the signature of %s is taken for one of %s", c.of, s.NPM)
		}
	}
}

func TestParseNPMKeysRefuses(t *testing.T) {
	rsa := `{"keys":[{"keyid":"a","key":"` + strings.Repeat("A", 40) + `"}]}`
	for name, text := range map[string]string{
		"nothing": "", "no keys": `{"keys":[]}`, "a list": `[]`, "no ECDSA key": rsa,
		"no id":   strings.Replace(string(evidencetest.NPMKeys(t, time.Time{}, evidencetest.NewECDSA(t, "x"))), `"x"`, `""`, 1),
		"no time": strings.Replace(string(evidencetest.NPMKeys(t, time.Unix(0, 0), evidencetest.NewECDSA(t, "x"))), "1970-", "soon-", 1),
		"a flood": `{"keys":[` + strings.Repeat(`{},`, 100) + `{}]}`,
	} {
		if keys, err := evidence.ParseNPMKeys("npm-keys.json", []byte(text)); err == nil || !strings.HasPrefix(err.Error(), "cannot read npm-keys.json: ") {
			t.Errorf("%s: got %v, %v", name, keys, err)
		}
	}
}

func TestKeyNotices(t *testing.T) {
	known, same, swapped, other := evidencetest.NewECDSA(t, "one"), evidencetest.NewECDSA(t, "two"), evidencetest.NewECDSA(t, "one"), evidencetest.NewECDSA(t, "three")
	got := evidence.KeyNotices(from, npmKeys(t, time.Time{}, known, same), npmKeys(t, time.Time{}, same, swapped, other))
	want := []string{
		from + " signs packages with key two, which is known",
		from + " gives another key under the name one than the one that is known: it may be an impostor",
		from + ` says that it signs with key "three", and nothing but itself vouches for that: check it elsewhere, then add it to trust.npm-keys`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
