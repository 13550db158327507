package evidence_test

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/sandwright/sandwright/internal/evidence"
	"github.com/sandwright/sandwright/internal/evidence/evidencetest"
	"github.com/sandwright/sandwright/internal/fault"
)

func TestProofIsReadAsItWasWritten(t *testing.T) {
	for _, material := range [][]byte{[]byte("[]"), bytes.Repeat([]byte("x"), 513), bytes.Repeat([]byte(`{"a":1}`), 1<<12)} {
		text := evidence.Record{Material: material}.Proof()
		got, err := evidence.ParseProof(text)
		if err != nil || !bytes.Equal(got, material) {
			t.Errorf("%d bytes became %d, %v", len(material), len(got), err)
		}
		if len(text) > len(material)*4/3+4 {
			t.Errorf("%d bytes take %d", len(material), len(text))
		}
	}
}

func TestParseProofRefuses(t *testing.T) {
	bomb := evidence.Record{Material: make([]byte, 64<<20)}.Proof()
	for name, text := range map[string]string{"no base64": "%", "cut": bomb[:len(bomb)/2&^3], "a bomb": bomb, "no gzip": base64.StdEncoding.EncodeToString([]byte{0x1f, 0x8b, 1})} {
		if data, err := evidence.ParseProof(text); err == nil {
			t.Errorf("%s: got %d bytes", name, len(data))
		}
	}
}

// A lock that was edited by hand is refused by what the file names, although
// its hashes are those of the artifact.
func TestRecheck(t *testing.T) {
	key, other := evidencetest.NewECDSA(t, "SHA256:one"), evidencetest.NewECDSA(t, "SHA256:two")
	p := policy()
	p.NPMKeys = npmKeys(t, p.Now.AddDate(-30, 0, 0), key) // expired long ago: it was good when it was locked
	good := evidence.Record{Kind: evidence.NPMSignature, Signer: key.ID, Material: jsonOf(t, key.SignNPM("tool@1.2.3", artifact()))}
	forged, renamed, unsigned, garbled := good, good, good, good
	forged.Material = jsonOf(t, key.SignNPM("tool@1.2.3", []byte("other bytes")))
	renamed.Signer = "SHA256:another"
	unsigned.Material = jsonOf(t, other.SignNPM("tool@1.2.3", artifact()))
	garbled.Kind = "vibes"
	for _, c := range []struct {
		name    string
		require evidence.Level
		records []evidence.Record
		fault   string
	}{
		{"good", evidence.Signed, []evidence.Record{good}, ""},
		{"none, and none asked for", "", nil, ""},
		{"removed", evidence.Signed, nil, "sandwright.yaml:7:3: cannot trust tool@1.2.3: it requires signature, and what sandwright.lock says is integrity only"},
		{"not enough", evidence.Attested, []evidence.Record{good}, "it requires provenance, and what sandwright.lock says is npm-signature by key SHA256:one"},
		{"forged", "", []evidence.Record{forged}, "cannot trust tool@1.2.3: its npm-signature from sandwright.lock: cannot verify it: expected a signature of tool@1.2.3:"},
		{"another signer", "", []evidence.Record{renamed}, "sandwright.lock says npm-signature by key SHA256:another, and its evidence is npm-signature by key SHA256:one"},
		{"by nobody known", "", []evidence.Record{unsigned}, `signed with key "SHA256:two", which neither sandwright.yaml nor this program knows`},
		{"of no kind", "", []evidence.Record{garbled}, "there is no such kind of evidence"},
	} {
		p.Require = c.require
		err := p.Recheck(subject(t), c.records)
		if (err == nil) != (c.fault == "") || err != nil && !strings.Contains(err.Error(), c.fault) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.fault)
		}
		for _, f := range fault.All(err) {
			if f.Hint == "" {
				t.Errorf("%s: no hint: %v", c.name, f)
			}
		}
	}
}

// Ahead of the artifact, a signature over its bytes counts only if its key is
// the one that the file names; everything else is verified.
func TestRecheckAhead(t *testing.T) {
	public, key := minisignKey(t)
	other, otherKey := minisignKey(t)
	pgp := evidencetest.NewPGP(t, time.Now(), 0)
	keys, err := evidence.ParsePGPKeys("key.asc", pgp.Public())
	if err != nil {
		t.Fatal(err)
	}
	record := func(kind evidence.Kind, signer string, signature, sums []byte) evidence.Record {
		return evidence.Record{Kind: kind, Signer: signer, Material: signedPiece(t, kind, signature, sums)[0].Data}
	}
	direct := hashed(t, key, artifact())
	for _, c := range []struct {
		name   string
		record evidence.Record
		fault  string
	}{
		{"minisign", record(evidence.Minisign, public, direct, nil), ""},
		{"minisign of another key", record(evidence.Minisign, other, hashed(t, otherKey, artifact()), nil), "sandwright.lock says minisign by key " + other + ", and sandwright.yaml names no such key"},
		{"minisign of a list", record(evidence.Minisign, public, hashed(t, key, sums(t)), sums(t)), ""},
		{"minisign of another list", record(evidence.Minisign, public, hashed(t, key, sums(t)), []byte("x")), "cannot verify it: "},
		{"pgp", record(evidence.PGP, keys.String(), pgp.Detached(artifact()), nil), ""},
		{"pgp of another key", record(evidence.PGP, "ABCD", pgp.Detached(artifact()), nil), "sandwright.lock says pgp by key ABCD, and sandwright.yaml names no such key"},
		{"npm's", record(evidence.NPMSignature, "SHA256:one", []byte("x"), nil), "cannot read it: dist.signatures is not a list"},
	} {
		p, s := policy(), subject(t)
		p.Minisign, p.PGP, p.Ahead, s.Path, s.NPM = public, keys, true, "", ""
		records := []evidence.Record{c.record, record(evidence.Minisign, public, direct, nil), record(evidence.PGP, keys.String(), pgp.Detached(artifact()), nil)}
		err := p.Recheck(s, records)
		if (err == nil) != (c.fault == "") || err != nil && !strings.Contains(err.Error(), c.fault) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.fault)
		}
	}
}
