package evidence_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sandwright/sandwright/internal/evidence"
	"github.com/sandwright/sandwright/internal/evidence/evidencetest"
)

// payload is what cosign signs of an image.
func payload(digest string) []byte {
	return fmt.Appendf(nil, `{"critical":{"identity":{"docker-reference":"registry.example/tool"},"image":{"docker-manifest-digest":"sha256:%s"},"type":"cosign container image signature"},"optional":null}`, digest)
}

func imagePiece(t *testing.T, sig evidence.ImageSignature) []evidence.Piece {
	t.Helper()
	p, err := sig.Piece(from)
	if err != nil {
		t.Fatal(err)
	}
	return []evidence.Piece{p}
}

func image(t *testing.T) evidence.Subject {
	s := subject(t)
	s.NPM, s.SHA512 = "", ""
	return s
}

func TestCosignByKey(t *testing.T) {
	key, other := evidencetest.NewECDSA(t, ""), evidencetest.NewECDSA(t, "")
	public, err := evidence.ParsePublicKey("cosign.pub", key.PEM())
	if err != nil {
		t.Fatal(err)
	}
	of := payload(image(t).SHA256)
	index := []byte(`{"manifests":[{"digest":"sha256:0"},{"digest":"sha256:` + image(t).SHA256 + `"}]}`)
	ofIndex := payload(subjectOf(index).SHA256)
	elsewhere := payload(strings.Repeat("0", 64))
	for _, c := range []judged{
		{name: "good", pieces: imagePiece(t, evidence.ImageSignature{Payload: of, Signature: key.Sign(of)}), level: evidence.Signed},
		{name: "of an index", pieces: imagePiece(t, evidence.ImageSignature{Payload: ofIndex, Signature: key.Sign(ofIndex), Index: index}), level: evidence.Signed},
		{name: "swapped key", pieces: imagePiece(t, evidence.ImageSignature{Payload: of, Signature: other.Sign(of)}),
			fault: "expected a signature with key " + public.String() + ", and what came is by another key or forged"},
		{name: "of another image", pieces: imagePiece(t, evidence.ImageSignature{Payload: elsewhere, Signature: key.Sign(elsewhere)}),
			fault: "expected a signature of sha256:" + image(t).SHA256 + `, and what came is of "sha256:000`},
		{name: "no base64", pieces: imagePiece(t, evidence.ImageSignature{Payload: of, Signature: "%"}), fault: "its signature is not base64"},
		{name: "not of an image", pieces: imagePiece(t, evidence.ImageSignature{Payload: []byte(`{}`), Signature: key.Sign([]byte(`{}`))}), fault: "it is no signature of an image"},
		{name: "stripped", fault: "names who vouches for it with cosign, and " + from + " serves no such evidence"},
		{name: "nobody named", pieces: imagePiece(t, evidence.ImageSignature{Payload: of, Signature: key.Sign(of)}),
			edit:  func(p *evidence.Policy, _ *evidence.Subject) { p.Cosign = nil },
			level: evidence.IntegrityOnly, notice: "signed with cosign, and sandwright.yaml names nobody for it: tools.tool.cosign"},
	} {
		p := policy()
		p.Cosign = &evidence.Identity{Key: public}
		c.run(t, p, image(t))
	}
	for _, text := range []string{"", "x", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"} {
		if _, err := evidence.ParsePublicKey("cosign.pub", []byte(text)); err == nil {
			t.Errorf("%q is taken for a key", text)
		}
	}
}

func TestCosignByIdentity(t *testing.T) {
	store, other := evidencetest.NewSigstore(t), evidencetest.NewSigstore(t)
	of := payload(image(t).SHA256)
	signed := func(s *evidencetest.Sigstore, who string) evidence.ImageSignature {
		sig := s.SignPayload(who, actions, of)
		return evidence.ImageSignature{Payload: of, Signature: sig.Signature, Certificate: sig.Certificate, Log: sig.Log}
	}
	good, unlogged, uncertified, swapped := signed(store, tagged), signed(store, tagged), signed(store, tagged), signed(store, tagged)
	unlogged.Log, uncertified.Certificate = "", ""
	swapped.Signature = signed(store, tagged).Signature
	statement := evidencetest.Statement{Predicate: "https://sigstore.dev/cosign/sign/v1", Subject: "registry.example/tool",
		Digest: map[string]string{"sha256": image(t).SHA256}}
	vulnerable := statement
	vulnerable.Predicate = "https://cosign.sigstore.dev/attestation/vuln/v1"
	index := []byte(`{"manifests":[{"digest":"sha256:` + image(t).SHA256 + `"}]}`)
	indexed := statement
	indexed.Digest = map[string]string{"sha256": subjectOf(index).SHA256}
	for _, c := range []judged{
		{name: "first form", pieces: imagePiece(t, good), level: evidence.Signed},
		{name: "bundle", pieces: imagePiece(t, evidence.ImageSignature{Bundle: store.Attest(tagged, actions, statement)}), level: evidence.Signed},
		{name: "bundle of another statement", pieces: imagePiece(t, evidence.ImageSignature{Bundle: store.Attest(tagged, actions, vulnerable)}), fault: "which is not what cosign is"},
		{name: "bundle of an index", pieces: imagePiece(t, evidence.ImageSignature{Bundle: store.Attest(tagged, actions, indexed), Index: index}), level: evidence.Signed},
		{name: "bundle of an index without it", pieces: imagePiece(t, evidence.ImageSignature{Bundle: store.Attest(tagged, actions, indexed), Index: []byte("{}")}),
			fault: "the index that is signed does not list sha256:" + image(t).SHA256},
		{name: "bundle of another index", pieces: imagePiece(t, evidence.ImageSignature{Bundle: store.Attest(tagged, actions, statement), Index: index}), fault: "cannot verify it: "},
		{name: "index that is none", pieces: imagePiece(t, evidence.ImageSignature{Bundle: store.Attest(tagged, actions, indexed), Index: []byte("x")}), fault: "cannot read the index that is signed"},
		{name: "somebody else", pieces: imagePiece(t, signed(store, "eve@acme.example")), fault: "cannot take it from eve@acme.example"},
		{name: "another sigstore", pieces: imagePiece(t, signed(other, tagged)), fault: "cannot verify it: "},
		{name: "swapped signature", pieces: imagePiece(t, swapped), fault: "cannot verify it: "},
		{name: "not logged", pieces: imagePiece(t, unlogged), fault: "it has no entry of a log"},
		{name: "no certificate", pieces: imagePiece(t, uncertified), fault: "it has no certificate"},
	} {
		p := policy()
		p.Roots = roots(t, store.Root())
		p.Cosign = &evidence.Identity{Name: workflow, Issuer: actions}
		c.run(t, p, image(t))
	}
}
