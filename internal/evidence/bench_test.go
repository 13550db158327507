package evidence_test

import (
	"testing"
	"time"

	"github.com/sandwright/sandwright/internal/evidence"
	"github.com/sandwright/sandwright/internal/evidence/evidencetest"
)

// What a build adds for a tool that was fetched: its registry's signature, and
// its provenance.
func BenchmarkRecheck(b *testing.B) {
	key, store := evidencetest.NewECDSA(b, "SHA256:one"), evidencetest.NewSigstore(b)
	p := policy()
	var err error
	if p.NPMKeys, err = evidence.ParseNPMKeys("keys", evidencetest.NPMKeys(b, time.Time{}, key)); err != nil {
		b.Fatal(err)
	}
	if p.Roots, err = evidence.ParseRoots("root", store.Root()); err != nil {
		b.Fatal(err)
	}
	s := subjectOf(artifact())
	bundle := store.Attest(tagged, actions, evidencetest.Statement{Predicate: evidencetest.SLSA, Subject: "pkg:npm/tool@1.2.3", Digest: map[string]string{"sha512": s.SHA512}})
	npm := evidence.SignedNPM{{KeyID: key.ID, Sig: key.SignNPM("tool@1.2.3", artifact())[0]["sig"]}}
	v, err := p.Judge(s, []evidence.Piece{{Kind: evidence.Provenance, Data: bundle, From: from}, {Kind: evidence.NPMSignature, Data: jsonOf(b, npm), From: from}})
	if err != nil || len(v.Records) != 2 {
		b.Fatalf("%d records, %v", len(v.Records), err)
	}
	for b.Loop() {
		if err := p.Recheck(s, v.Records); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(v.Records[1].Proof())), "bytes/bundle-in-lock")
}
