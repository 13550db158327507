package evidence_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sandwright/sandwright/internal/evidence"
	"github.com/sandwright/sandwright/internal/evidence/evidencetest"
)

const (
	workflow = "https://github.com/acme/tool/.github/workflows/release.yml"
	tagged   = workflow + "@refs/tags/v1.2.3"
	actions  = "https://token.actions.githubusercontent.com"
)

func roots(t *testing.T, data []byte) evidence.Roots {
	t.Helper()
	r, err := evidence.ParseRoots("trusted_root.json", data)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func bundlePiece(kind evidence.Kind, bundle []byte) []evidence.Piece {
	return []evidence.Piece{{Kind: kind, Data: bundle, From: from}}
}

// built states that artifact is the npm package tool@1.2.3.
func built(t *testing.T) evidencetest.Statement {
	return evidencetest.Statement{Predicate: evidencetest.SLSA, Subject: "pkg:npm/tool@1.2.3",
		Digest: map[string]string{"sha512": subject(t).SHA512}}
}

func TestProvenance(t *testing.T) {
	store, other := evidencetest.NewSigstore(t), evidencetest.NewSigstore(t)
	renamed, predicate, elsewhere := built(t), built(t), built(t)
	renamed.Subject, predicate.Predicate = "pkg:npm/fool@1.2.3", "https://cyclonedx.org/bom"
	elsewhere.Digest = map[string]string{"sha512": strings.Repeat("ab", 64)}
	good := store.Attest(tagged, actions, built(t))
	named := func(name, issuer string) func(*evidence.Policy, *evidence.Subject) {
		return func(p *evidence.Policy, _ *evidence.Subject) {
			p.Provenance = &evidence.Identity{Name: name, Issuer: issuer}
		}
	}
	origin := func(name string) func(*evidence.Policy, *evidence.Subject) {
		return func(p *evidence.Policy, _ *evidence.Subject) {
			p.Origin = &evidence.Identity{Name: name, Issuer: actions}
		}
	}
	pinned := func(signer string) func(*evidence.Policy, *evidence.Subject) {
		return func(p *evidence.Policy, _ *evidence.Subject) {
			p.Pinned = []evidence.Record{{Kind: evidence.Provenance, Signer: signer, Issuer: actions}}
		}
	}
	for _, c := range []judged{
		{name: "first lock", pieces: bundlePiece(evidence.Provenance, good), level: evidence.Attested,
			notice: "tool tool: trusting for the first time: provenance by " + workflow + " (" + actions + "); name it in sandwright.yaml to have it reviewed"},
		{name: "as before", pieces: bundlePiece(evidence.Provenance, good), edit: pinned(workflow), level: evidence.Attested},
		{name: "another workflow than before", pieces: bundlePiece(evidence.Provenance, good), edit: pinned(workflow + "x"),
			fault: "sandwright.lock pins provenance by " + workflow + "x (" + actions + "), and what " + from + " serves is provenance by " + workflow},
		{name: "downgrade", edit: pinned(workflow), fault: "sandwright.lock pins provenance by " + workflow + " (" + actions + "), and what " + from + " serves is integrity only"},
		{name: "named", pieces: bundlePiece(evidence.Provenance, good), edit: named(workflow, actions), level: evidence.Attested},
		{name: "named with its tag", pieces: bundlePiece(evidence.Provenance, good), edit: named(tagged, actions), level: evidence.Attested},
		{name: "named by its repository", pieces: bundlePiece(evidence.Provenance, good), edit: named("https://github.com/acme/tool/", actions), level: evidence.Attested},
		{name: "named with another tag", pieces: bundlePiece(evidence.Provenance, good), edit: named(workflow+"@refs/tags/v2", actions), fault: "expected " + workflow + "@refs/tags/v2"},
		{name: "a repository of a longer name", pieces: bundlePiece(evidence.Provenance, good), edit: named("https://github.com/acme/too", actions),
			fault: "cannot take it from " + tagged + " (" + actions + "): expected https://github.com/acme/too (" + actions + ")"},
		{name: "another issuer", pieces: bundlePiece(evidence.Provenance, good), edit: named(workflow, "https://accounts.example"), fault: "expected " + workflow + " (https://accounts.example)"},
		{name: "by its own repository", pieces: bundlePiece(evidence.Provenance, good), edit: origin("https://github.com/acme/tool/"), level: evidence.Attested, notice: "for the first time"},
		{name: "by another repository", pieces: bundlePiece(evidence.Provenance, good), edit: origin("https://github.com/acme/tools/"), fault: "expected https://github.com/acme/tools/ ("},
		{name: "by nobody, and nobody is named", edit: origin("https://github.com/acme/tool/"), level: evidence.IntegrityOnly, notice: "integrity only"},
		{name: "of other bytes", pieces: bundlePiece(evidence.Provenance, store.Attest(tagged, actions, elsewhere)), fault: "its provenance from " + from + ": cannot verify it: failed to verify signature"},
		{name: "of another package", pieces: bundlePiece(evidence.Provenance, store.Attest(tagged, actions, renamed)), fault: `expected a statement about pkg:npm/tool@1.2.3, and what came is about ["pkg:npm/fool@1.2.3"]`},
		{name: "of something else", pieces: bundlePiece(evidence.Provenance, store.Attest(tagged, actions, predicate)), fault: `cannot use it: it states "https://cyclonedx.org/bom", which is not what provenance is`},
		{name: "a mere signature", pieces: bundlePiece(evidence.Provenance, store.Sign(tagged, actions, artifact())), fault: `which is not what provenance is`},
		{name: "forged by another sigstore", pieces: bundlePiece(evidence.Provenance, other.Attest(tagged, actions, built(t))), fault: "cannot verify it: "},
		{name: "payload changed", pieces: bundlePiece(evidence.Provenance, changed(t, good)), fault: "cannot verify it: "},
		{name: "a root that wants logged certificates", pieces: bundlePiece(evidence.Provenance, good), edit: func(p *evidence.Policy, _ *evidence.Subject) {
			p.Roots = roots(t, store.RootWithCT())
		}, fault: "failed to verify signed certificate timestamp"},
		{name: "second of two roots", pieces: bundlePiece(evidence.Provenance, good), edit: func(p *evidence.Policy, _ *evidence.Subject) {
			p.Roots = roots(t, append(append(other.Root(), '\n'), store.Root()...))
		}, level: evidence.Attested, notice: "for the first time"},
		{name: "no root", pieces: bundlePiece(evidence.Provenance, good), edit: func(p *evidence.Policy, _ *evidence.Subject) { p.Roots = nil },
			level: evidence.IntegrityOnly, notice: "has provenance, and sandwright.yaml names no trusted root to verify it with: trust.sigstore"},
	} {
		p := policy()
		p.Roots = roots(t, store.Root())
		c.run(t, p, subject(t))
	}
}

// changed replaces the payload of a bundle by one that says another thing.
func changed(t *testing.T, bundle []byte) []byte {
	t.Helper()
	var b map[string]any
	if err := json.Unmarshal(bundle, &b); err != nil {
		t.Fatal(err)
	}
	b["dsseEnvelope"].(map[string]any)["payload"] = []byte(`{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"pkg:npm/tool@1.2.3","digest":{"sha512":"` +
		subject(t).SHA512 + `"}}],"predicateType":"https://slsa.dev/provenance/v1","predicate":{"builder":"me"}}`)
	return jsonOf(t, b)
}

func TestSigstoreBundle(t *testing.T) {
	store := evidencetest.NewSigstore(t)
	good := store.Sign("dev@acme.example", "https://accounts.example", artifact())
	sbom := evidencetest.Statement{Predicate: "https://cyclonedx.org/bom", Subject: "pkg:npm/tool@1.2.3", Digest: map[string]string{"sha512": subject(t).SHA512}}
	for _, c := range []judged{
		{name: "good", pieces: bundlePiece(evidence.Sigstore, good), level: evidence.Signed},
		{name: "of other bytes", pieces: bundlePiece(evidence.Sigstore, store.Sign("dev@acme.example", "https://accounts.example", []byte("x"))), fault: "cannot verify it: "},
		{name: "by somebody else", pieces: bundlePiece(evidence.Sigstore, store.Sign("eve@acme.example", "https://accounts.example", artifact())),
			fault: "cannot take it from eve@acme.example (https://accounts.example): expected dev@acme.example (https://accounts.example)"},
		{name: "a statement about its parts", pieces: bundlePiece(evidence.Sigstore, store.Attest("dev@acme.example", "https://accounts.example", sbom)), fault: "which is not what sigstore is"},
		{name: "no bundle", pieces: bundlePiece(evidence.Sigstore, []byte(`{}`)), fault: "it is no sigstore bundle"},
		{name: "absent", fault: "names who vouches for it with sigstore"},
		{name: "no root", pieces: bundlePiece(evidence.Sigstore, good), edit: func(p *evidence.Policy, _ *evidence.Subject) { p.Roots = nil },
			fault: "there is no trusted root to verify it with: trust.sigstore"},
	} {
		p := policy()
		p.Roots = roots(t, store.Root())
		p.Sigstore = &evidence.Identity{Name: "dev@acme.example", Issuer: "https://accounts.example"}
		c.run(t, p, subject(t))
	}
}

func TestParseRootsRefuses(t *testing.T) {
	one := evidencetest.NewSigstore(t).Root()
	for name, data := range map[string][]byte{"nothing": nil, "text": []byte("x"), "another object": []byte(`{"keys":[]}`), "a flood": bytes.Repeat(one, 17), "cut": one[:len(one)-9]} {
		if _, err := evidence.ParseRoots("trusted_root.json", data); err == nil || !strings.HasPrefix(err.Error(), "cannot read trusted_root.json: it is no trusted root of sigstore: ") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// The provenance of a package of npm's public registry, verified with the
// roots of the public sigstore; both come with the library.
func TestPublicProvenance(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/sigstore/sigstore-go").Output()
	if err != nil {
		t.Fatal(err)
	}
	examples := filepath.Join(strings.TrimSpace(string(out)), "examples")
	read := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join(examples, name))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	p := policy()
	p.Roots = roots(t, read("trusted-root-public-good.json"))
	p.Provenance = &evidence.Identity{Name: "https://github.com/sigstore/sigstore-js/.github/workflows/release.yml", Issuer: actions}
	p.Require = evidence.Attested
	s := evidence.Subject{What: "sigstore@1.3.0", NPM: "sigstore@1.3.0", From: from,
		SHA512: "76176ffa33808b54602c7c35de5c6e9a4deb96066dba6533f50ac234f4f1f4c6b3527515dc17c06fbe2860030f410eee69ea20079bd3a2c6f3dcf3b329b10751"}
	answer := jsonOf(t, map[string]any{"attestations": []any{
		map[string]any{"predicateType": "https://github.com/npm/attestation/tree/main/specs/publish/v0.1", "bundle": json.RawMessage(read("bundle-publish.json"))},
		map[string]any{"predicateType": "https://slsa.dev/provenance/v0.2", "bundle": json.RawMessage(read("bundle-provenance.json"))},
	}})
	pieces, _, err := evidence.Attestations(answer, from)
	if err != nil || len(pieces) != 1 {
		t.Fatalf("got %d pieces, %v", len(pieces), err)
	}
	v, err := p.Judge(s, pieces)
	if err != nil {
		t.Fatal(err)
	}
	if len(v.Records) != 1 || v.Records[0].Signer != p.Provenance.Name {
		t.Errorf("got %v", v.Records)
	}
	s.SHA512 = strings.Repeat("0", 128)
	if _, err := p.Judge(s, pieces); err == nil {
		t.Error("it is taken for the provenance of other bytes")
	}
}

func TestAttestationsOfHostileAnswers(t *testing.T) {
	for name, answer := range map[string]string{
		"no JSON": "<html>", "a flood": `{"attestations":[` + strings.Repeat("{},", 200) + `{}]}`,
	} {
		if pieces, _, err := evidence.Attestations([]byte(answer), from); err == nil {
			t.Errorf("%s: got %v", name, pieces)
		}
	}
	for name, answer := range map[string]string{
		"none": `{}`, "no bundles": `{"attestations":[{},{"bundle":null},{"bundle":7},{"bundle":{"dsseEnvelope":{"payload":"eA=="}}}]}`,
	} {
		if pieces, _, err := evidence.Attestations([]byte(answer), from); err != nil || len(pieces) > 0 {
			t.Errorf("%s: got %v, %v", name, pieces, err)
		}
	}
}
