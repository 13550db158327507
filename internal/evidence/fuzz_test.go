package evidence_test

import (
	"testing"
	"time"

	"github.com/sandwright/sandwright/internal/evidence"
	"github.com/sandwright/sandwright/internal/evidence/evidencetest"
)

// Whatever is served as evidence, it is refused, or as good as none: nothing
// that the fuzzer makes is signed by these keys.
func FuzzJudge(f *testing.F) {
	kinds := []evidence.Kind{evidence.NPMSignature, evidence.Minisign, evidence.PGP, evidence.Sigstore, evidence.Provenance, evidence.Cosign}
	key := evidencetest.NewECDSA(f, "SHA256:one")
	keys, err := evidence.ParseNPMKeys("keys", evidencetest.NPMKeys(f, time.Time{}, key))
	if err != nil {
		f.Fatal(err)
	}
	pgp, err := evidence.ParsePGPKeys("key", evidencetest.NewPGP(f, time.Now(), 0).Public())
	if err != nil {
		f.Fatal(err)
	}
	public, err := evidence.ParsePublicKey("key", key.PEM())
	if err != nil {
		f.Fatal(err)
	}
	roots, err := evidence.ParseRoots("root", evidencetest.NewSigstore(f).Root())
	if err != nil {
		f.Fatal(err)
	}
	s := subjectOf(artifact())
	f.Fuzz(func(t *testing.T, kind byte, data []byte) {
		for _, who := range []*evidence.Identity{{Key: public}, {Name: tagged, Issuer: actions}} {
			p := policy()
			p.NPMKeys, p.PGP, p.Roots, p.Sigstore, p.Cosign = keys, pgp, roots, who, who
			p.Minisign = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3"
			v, err := p.Judge(s, []evidence.Piece{{Kind: kinds[int(kind)%len(kinds)], Data: data, From: from}})
			if err == nil || len(v.Records) > 0 {
				t.Errorf("it is taken for %v", v.Records)
			}
		}
	})
}

func FuzzSumOf(f *testing.F) {
	f.Fuzz(func(t *testing.T, text []byte) {
		sum, err := evidence.SumOf(text, "f.tgz")
		if (err == nil) != (len(sum) == 64 || len(sum) == 128) {
			t.Errorf("got %q, %v", sum, err)
		}
	})
}

func FuzzAttestations(f *testing.F) {
	f.Fuzz(func(t *testing.T, answer []byte) {
		pieces, _, err := evidence.Attestations(answer, from)
		if err != nil && len(pieces) > 0 {
			t.Errorf("got %d pieces and %v", len(pieces), err)
		}
	})
}
