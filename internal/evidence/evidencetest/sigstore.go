package evidencetest

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"testing"
	"time"

	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/testing/ca"
	"github.com/sigstore/sigstore-go/pkg/tlog"
	"google.golang.org/protobuf/encoding/protojson"
)

// SLSA is the type of statements that say how something was built.
const SLSA = "https://slsa.dev/provenance/v1"

// A Sigstore is a whole sigstore of its own: certificate authority, log and
// clock.
type Sigstore struct {
	t  testing.TB
	ca *ca.VirtualSigstore
}

// NewSigstore makes one with new keys.
func NewSigstore(t testing.TB) *Sigstore {
	t.Helper()
	one, err := ca.NewVirtualSigstore()
	must(t, err)
	return &Sigstore{t, one}
}

// Root is its trusted root, as a file holds it.
func (s *Sigstore) Root() []byte { return s.root(nil) }

// RootWithCT is a trusted root that wants certificates to be logged too, which
// those of this sigstore are not.
func (s *Sigstore) RootWithCT() []byte { return s.root(s.ca.CTLogs()) }

func (s *Sigstore) root(ct map[string]*root.TransparencyLog) []byte {
	s.t.Helper()
	logs := s.ca.RekorLogs()
	for _, all := range []map[string]*root.TransparencyLog{logs, ct} {
		for id, log := range all { // the library's own has the id in hex
			raw, err := hex.DecodeString(id)
			must(s.t, err)
			log.ID, log.BaseURL, log.SignatureHashFunc = raw, "https://rekor.localhost", log.HashFunc
		}
	}
	r, err := root.NewTrustedRoot(root.TrustedRootMediaType01, s.ca.FulcioCertificateAuthorities(), ct, s.ca.TimestampingAuthorities(), logs)
	must(s.t, err)
	data, err := r.MarshalJSON()
	must(s.t, err)
	return data
}

// A Statement is what a bundle states.
type Statement struct {
	Predicate string            // its type
	Subject   string            // such as pkg:npm/pnpm@10.28.0
	Digest    map[string]string // algorithm -> hex
}

// Attest makes a bundle of a statement, by an identity.
func (s *Sigstore) Attest(identity, issuer string, st Statement) []byte {
	s.t.Helper()
	body, err := json.Marshal(map[string]any{
		"_type": "https://in-toto.io/Statement/v1", "predicateType": st.Predicate, "predicate": map[string]any{},
		"subject": []any{map[string]any{"name": st.Subject, "digest": st.Digest}},
	})
	must(s.t, err)
	entity, err := s.ca.AttestAtTime(identity, issuer, body, time.Now().Add(5*time.Minute), true)
	must(s.t, err)
	content, err := entity.SignatureContent()
	must(s.t, err)
	envelope := content.EnvelopeContent().RawEnvelope()
	return s.bundle(entity, "dsseEnvelope", map[string]any{
		"payload": envelope.Payload, "payloadType": envelope.PayloadType, "signatures": []any{map[string]any{"sig": envelope.Signatures[0].Sig}},
	})
}

// Sign makes a bundle that signs an artifact, by an identity.
func (s *Sigstore) Sign(identity, issuer string, artifact []byte) []byte {
	s.t.Helper()
	entity, err := s.ca.Sign(identity, issuer, artifact)
	must(s.t, err)
	content, err := entity.SignatureContent()
	must(s.t, err)
	sum := sha256.Sum256(artifact)
	return s.bundle(entity, "messageSignature", map[string]any{
		"messageDigest": map[string]any{"algorithm": "SHA2_256", "digest": sum[:]}, "signature": content.Signature(),
	})
}

// An ImageSig is what cosign's first form has of one signature by an identity.
type ImageSig struct{ Signature, Certificate, Log string }

// SignPayload signs as cosign's first form does.
func (s *Sigstore) SignPayload(identity, issuer string, payload []byte) ImageSig {
	s.t.Helper()
	entity, err := s.ca.Sign(identity, issuer, payload)
	must(s.t, err)
	content, err := entity.SignatureContent()
	must(s.t, err)
	verification, err := entity.VerificationContent()
	must(s.t, err)
	entries, err := entity.TlogEntries()
	must(s.t, err)
	e := entries[0].TransparencyLogEntry()
	log, err := json.Marshal(map[string]any{
		"SignedEntryTimestamp": s.promise(entries[0]),
		"Payload": map[string]any{"body": e.CanonicalizedBody, "integratedTime": e.IntegratedTime,
			"logIndex": e.LogIndex, "logID": hex.EncodeToString(e.LogId.KeyId)},
	})
	must(s.t, err)
	return ImageSig{
		Signature:   base64.StdEncoding.EncodeToString(content.Signature()),
		Certificate: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: verification.Certificate().Raw})),
		Log:         string(log),
	}
}

// bundle puts together what the library makes, of version 0.3 with a proof of
// inclusion, and of 0.1 with a promise.
func (s *Sigstore) bundle(entity *ca.TestEntity, kind string, content any) []byte {
	s.t.Helper()
	verification, err := entity.VerificationContent()
	must(s.t, err)
	entries, err := entity.TlogEntries()
	must(s.t, err)
	stamps, err := entity.Timestamps()
	must(s.t, err)
	cert := map[string]any{"rawBytes": verification.Certificate().Raw}
	material := map[string]any{
		"tlogEntries":               []any{s.entry(entries[0])},
		"timestampVerificationData": map[string]any{"rfc3161Timestamps": []any{map[string]any{"signedTimestamp": stamps[0]}}},
	}
	mediaType := "application/vnd.dev.sigstore.bundle.v0.3+json"
	if entity.HasInclusionProof() {
		material["certificate"] = cert
	} else {
		mediaType = "application/vnd.dev.sigstore.bundle+json;version=0.1"
		material["x509CertificateChain"] = map[string]any{"certificates": []any{cert}}
	}
	data, err := json.Marshal(map[string]any{"mediaType": mediaType, "verificationMaterial": material, kind: content})
	must(s.t, err)
	return data
}

// entry is an entry of the log with what the library leaves out: its kind and
// the log's promise.
func (s *Sigstore) entry(e *tlog.Entry) map[string]any {
	s.t.Helper()
	data, err := protojson.Marshal(e.TransparencyLogEntry())
	must(s.t, err)
	var out map[string]any
	must(s.t, json.Unmarshal(data, &out))
	var kind struct{ Kind, APIVersion string }
	must(s.t, json.Unmarshal(e.TransparencyLogEntry().CanonicalizedBody, &kind))
	out["kindVersion"] = map[string]any{"kind": kind.Kind, "version": kind.APIVersion}
	out["inclusionPromise"] = map[string]any{"signedEntryTimestamp": s.promise(e)}
	return out
}

// promise is the log's signature over an entry.
func (s *Sigstore) promise(e *tlog.Entry) []byte {
	s.t.Helper()
	set, err := s.ca.RekorSignPayload(tlog.RekorPayload{Body: e.Body(), IntegratedTime: e.IntegratedTime().Unix(), LogIndex: e.LogIndex(),
		LogID: hex.EncodeToString(e.TransparencyLogEntry().LogId.KeyId)})
	must(s.t, err)
	return set
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
