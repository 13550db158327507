package fetch

import (
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sandwright/sandwright/internal/evidence"
	"github.com/sandwright/sandwright/internal/evidence/evidencetest"
	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/lock"
)

const (
	workflow = "https://github.com/acme/greeter/.github/workflows/release.yml"
	tagged   = workflow + "@refs/tags/v1.2.3"
	actions  = "https://token.actions.githubusercontent.com"
)

// A notary signs greeter@1.2.3, and knows whom the tests trust.
type notary struct {
	t        *testing.T
	registry *registry
	key      *evidencetest.ECDSA
	store    *evidencetest.Sigstore
	spec     ToolSpec
	mu       sync.Mutex
	notices  []string
}

func newNotary(t *testing.T) *notary {
	t.Helper()
	n := &notary{t: t, registry: newRegistry(t), key: evidencetest.NewECDSA(t, "SHA256:known"), store: evidencetest.NewSigstore(t)}
	n.registry.add("greeter", "1.2.3", greeter(t), map[string]any{"bin": map[string]any{"greet": "./cli.cjs"}})
	keys, err := evidence.ParseNPMKeys("keys", evidencetest.NPMKeys(t, time.Time{}, n.key))
	if err != nil {
		t.Fatal(err)
	}
	roots, err := evidence.ParseRoots("roots", n.store.Root())
	if err != nil {
		t.Fatal(err)
	}
	n.spec = ToolSpec{NPM: "greeter@1.2.3", Vouching: Vouching{Policy: evidence.Policy{
		At: fault.Position{File: "sandwright.yaml", Line: 5, Column: 3}, Tool: "greet", NPMKeys: keys, Roots: roots}}}
	return n
}

// dist sets what the registry says of the download.
func (n *notary) dist(key string, value any) {
	n.registry.packages["greeter"]["1.2.3"].(map[string]any)["dist"].(map[string]any)[key] = value
}

// sign serves the signature of a key over a tarball.
func (n *notary) sign(key *evidencetest.ECDSA, tarball []byte) {
	n.dist("signatures", key.SignNPM("greeter@1.2.3", tarball))
}

// attest serves a bundle as the provenance.
func (n *notary) attest(bundle []byte) {
	const path = "/-/npm/v1/attestations/greeter@1.2.3"
	n.dist("attestations", map[string]any{"url": n.registry.URL + path, "provenance": map[string]any{"predicateType": evidencetest.SLSA}})
	answer, err := json.Marshal(map[string]any{"attestations": []any{map[string]any{"bundle": json.RawMessage(bundle)}}})
	if err != nil {
		n.t.Fatal(err)
	}
	n.registry.tarballs[path] = answer
}

// built states that tarball is greeter@1.2.3.
func built(tarball []byte) evidencetest.Statement {
	sum := sha512.Sum512(tarball)
	return evidencetest.Statement{Predicate: evidencetest.SLSA, Subject: "pkg:npm/greeter@1.2.3", Digest: map[string]string{"sha512": hex.EncodeToString(sum[:])}}
}

// fetcher is one that notes what it is told to notice.
func (n *notary) fetcher() *Fetcher {
	f := n.registry.fetcher(n.t).With(Settings{Tools: map[string]ToolSpec{"greet": n.spec}})
	f.OnNotice(func(text string) {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.notices = append(n.notices, text)
	})
	return f
}

// proofless is evidence without its proofs.
func proofless(list []lock.Evidence) []lock.Evidence {
	out := slices.Clone(list)
	for i := range out {
		out[i].Proof = ""
	}
	return out
}

var (
	absentSignature  = lock.Evidence{Kind: "npm-signature", Verdict: lock.Absent}
	absentProvenance = lock.Evidence{Kind: "provenance", Verdict: lock.Absent}
	goodSignature    = lock.Evidence{Kind: "npm-signature", Verdict: lock.Verified, Key: "SHA256:known"}
	goodProvenance   = lock.Evidence{Kind: "provenance", Verdict: lock.Verified, Identity: workflow, Issuer: actions}
)

func TestEvidenceOfARegistry(t *testing.T) {
	for _, c := range []struct {
		name   string
		serve  func(*notary)
		want   []lock.Evidence
		notice []string // that must be among the notices
		fault  string   // empty: none
	}{
		{name: "good signature", serve: func(n *notary) { n.sign(n.key, greeter(n.t)) }, want: []lock.Evidence{goodSignature, absentProvenance}},
		{name: "good provenance", serve: func(n *notary) {
			n.sign(n.key, greeter(n.t))
			n.attest(n.store.Attest(tagged, actions, built(greeter(n.t))))
		}, want: []lock.Evidence{goodSignature, goodProvenance}, notice: []string{"trusting for the first time: provenance by " + workflow}},
		{name: "none", serve: func(*notary) {}, want: []lock.Evidence{absentSignature, absentProvenance},
			notice: []string{"greeter@1.2.3: integrity only: http://127.0.0.1:", "/ serves no signature"}},
		{name: "stripped, and the registry has keys", serve: func(n *notary) {
			n.registry.tarballs["/-/npm/v1/keys"] = evidencetest.NPMKeys(n.t, time.Time{}, n.key)
		}, want: []lock.Evidence{absentSignature, absentProvenance}, notice: []string{"serves no signature", "signs packages with key SHA256:known, which is known", "integrity only"}},
		{name: "a key of its own", serve: func(n *notary) {
			own := evidencetest.NewECDSA(n.t, "SHA256:own")
			n.sign(own, greeter(n.t))
			n.registry.tarballs["/-/npm/v1/keys"] = evidencetest.NPMKeys(n.t, time.Time{}, own)
		}, want: []lock.Evidence{absentSignature, absentProvenance},
			notice: []string{`signed with key "SHA256:own", which neither`, `says that it signs with key "SHA256:own", and nothing but itself vouches for that`, "integrity only"}},
		{name: "a swapped key, which the registry vouches for", serve: func(n *notary) {
			impostor := evidencetest.NewECDSA(n.t, "SHA256:known")
			n.sign(impostor, greeter(n.t))
			n.registry.tarballs["/-/npm/v1/keys"] = evidencetest.NPMKeys(n.t, time.Time{}, impostor)
		}, fault: "expected a signature of greeter@1.2.3:sha512-"},
		{name: "forged", serve: func(n *notary) { n.sign(n.key, []byte("other bytes")) }, fault: "what came is of something else or forged"},
		{name: "signatures that are none", serve: func(n *notary) { n.dist("signatures", "yes") }, fault: "dist.signatures is not a list"},
		{name: "forged provenance", serve: func(n *notary) {
			n.attest(evidencetest.NewSigstore(n.t).Attest(tagged, actions, built(greeter(n.t))))
		}, fault: "cannot trust greeter@1.2.3: its provenance from "},
		{name: "provenance of other bytes", serve: func(n *notary) { n.attest(n.store.Attest(tagged, actions, built([]byte("x")))) }, fault: "cannot verify it: "},
		{name: "provenance that is promised and not served", serve: func(n *notary) {
			n.attest(nil)
			delete(n.registry.tarballs, "/-/npm/v1/attestations/greeter@1.2.3")
		}, want: []lock.Evidence{absentSignature, absentProvenance}, notice: []string{"its registry says that it has provenance, and serves none"}},
		{name: "provenance that is garbage", serve: func(n *notary) {
			n.attest(nil)
			n.registry.tarballs["/-/npm/v1/attestations/greeter@1.2.3"] = []byte("<html>")
		}, fault: "gives something else"},
		{name: "provenance without a root to verify it", serve: func(n *notary) {
			n.attest(n.store.Attest(tagged, actions, built(greeter(n.t))))
			n.spec.Vouching.Policy.Roots = nil
		}, want: []lock.Evidence{absentSignature}, notice: []string{"names no trusted root to verify it with: trust.sigstore"}},
		{name: "less than is required", serve: func(n *notary) {
			n.sign(n.key, greeter(n.t))
			n.spec.Vouching.Policy.Require = evidence.Attested
		}, fault: "sandwright.yaml:5:3: cannot trust greeter@1.2.3: it requires provenance, and what "},
		{name: "weaker than what is locked", serve: func(n *notary) {
			n.spec.Vouching.Before = map[string][]lock.Evidence{amd64: {{Kind: "npm-signature", Verdict: lock.Verified, Key: "SHA256:known", Proof: "W10="}}}
		}, fault: "sandwright.lock pins npm-signature by key SHA256:known, and what "},
		{name: "another builder than what is locked", serve: func(n *notary) {
			n.attest(n.store.Attest(tagged, actions, built(greeter(n.t))))
			before := goodProvenance
			before.Identity, before.Proof = "https://github.com/acme/other.yml", "e30="
			n.spec.Vouching.Before = map[string][]lock.Evidence{amd64: {before}}
		}, fault: "sandwright.lock pins provenance by https://github.com/acme/other.yml (" + actions + "), and what "},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := newNotary(t)
			c.serve(n)
			f := n.fetcher()
			a, err := f.ResolveTool(t.Context(), "greet", n.spec, amd64)
			if c.fault != "" {
				n.refused(t, f, err, c.fault)
				if got := n.registry.asked(".tgz"); len(got) != 0 {
					t.Errorf("it was downloaded first: %s", got[0].URL)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, proofless(a.Evidence)); diff != "" {
				t.Errorf("evidence (-want +got):\n%s", diff)
			}
			said := strings.Join(n.notices, "\n")
			for _, want := range c.notice {
				if !strings.Contains(said, want) {
					t.Errorf("notices are %q, want %q", said, want)
				}
			}
			if len(c.notice) == 0 && said != "" {
				t.Errorf("notices are %q, want none", said)
			}
		})
	}
}

// refused wants a fault that says from where, and nothing to be left.
func (n *notary) refused(t *testing.T, f *Fetcher, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Fatalf("got  %v\nwant %s", err, want)
	}
	for _, one := range fault.All(err) {
		if !strings.Contains(one.Error(), n.registry.URL) && !strings.Contains(one.Error(), lock.Name) {
			t.Errorf("it does not say from where: %v", one)
		}
		if one.Hint == "" {
			t.Errorf("no hint: %v", one)
		}
	}
	nothingKept(t, f.store)
}

// signedGreeter resolves greeter with a good signature.
func (n *notary) signedGreeter() lock.Tool {
	n.t.Helper()
	n.sign(n.key, greeter(n.t))
	a, err := n.fetcher().ResolveTool(n.t.Context(), "greet", n.spec, amd64)
	if err != nil {
		n.t.Fatal(err)
	}
	return lock.Tool{Source: "npm:greeter@1.2.3", Platforms: map[string]lock.Artifact{amd64: a}}
}

func TestEvidenceIsVerifiedAgainWhenAToolIsFetched(t *testing.T) {
	n := newNotary(t)
	tool := n.signedGreeter()
	asked := len(n.registry.asked("/keys")) + len(n.registry.asked("greeter@1.2.3"))
	if _, err := n.fetcher().ToolLayer(t.Context(), "greet", tool, amd64); err != nil {
		t.Fatal(err)
	}
	if now := len(n.registry.asked("/keys")) + len(n.registry.asked("greeter@1.2.3")); now != asked {
		t.Error("the registry was asked for evidence that the lock has")
	}
}

// A tool that the file does not name, such as the package manager, is verified
// with the keys that all tools have.
func TestEvidenceOfAToolThatTheFileDoesNotName(t *testing.T) {
	n := newNotary(t)
	tool := n.signedGreeter()
	f := n.registry.fetcher(t).With(Settings{Vouching: n.spec.Vouching})
	if _, err := f.ToolLayer(t.Context(), "greet", tool, amd64); err != nil {
		t.Error(err)
	}
	f = n.registry.fetcher(t)
	_, err := f.ToolLayer(t.Context(), "greet", tool, amd64)
	n.refused(t, f, err, `signed with key "SHA256:known", which neither sandwright.yaml nor this program knows`)
}

// Somebody changes the registry and the lock, so that all hashes fit; the
// signature is of what was there before.
func TestALockThatWasEditedForOtherBytesIsRefused(t *testing.T) {
	n := newNotary(t)
	tool := n.signedGreeter()
	evil := tarball(t, file{name: "package/package.json", data: `{"name":"greeter"}`}, file{name: "package/cli.cjs", data: "evil"})
	n.registry.add("greeter", "1.2.3", evil, map[string]any{"bin": map[string]any{"greet": "./cli.cjs"}})
	a, err := n.fetcher().ResolveTool(t.Context(), "greet", n.spec, amd64)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name     string
		evidence []lock.Evidence
		require  evidence.Level
		fault    string
	}{
		{"the signature stays", tool.Platforms[amd64].Evidence, "", "its npm-signature from sandwright.lock: cannot verify it: expected a signature of greeter@1.2.3:"},
		{"the signature goes, and one is required", nil, evidence.Signed, "it requires signature, and what sandwright.lock says is integrity only"},
		{"the proof goes", []lock.Evidence{goodSignature}, "", "sandwright.lock says that npm-signature is verified, and has no proof of it"},
		{"the proof is garbage", []lock.Evidence{{Kind: "npm-signature", Verdict: lock.Verified, Key: "SHA256:known", Proof: "H4sI"}}, "", "the proof of npm-signature is none"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a.Evidence = c.evidence
			tool.Platforms[amd64] = a
			n.spec.Vouching.Policy.Require = c.require
			f := n.fetcher()
			_, err := f.ToolLayer(t.Context(), "greet", tool, amd64)
			n.refused(t, f, err, c.fault)
		})
	}
}

// The store has the evil files already: for a project that asks nobody to
// vouch for them, or from a time when this one did not.
func TestFilesInTheStoreDoNotReplaceEvidence(t *testing.T) {
	n := newNotary(t)
	host := hostPlatform()
	a, err := n.fetcher().ResolveTool(t.Context(), "greet", n.spec, host)
	if err != nil {
		t.Fatal(err)
	}
	unsigned := lock.Tool{Source: "npm:greeter@1.2.3", Platforms: map[string]lock.Artifact{host: a}}
	f := n.fetcher()
	if _, err := f.ToolLayer(t.Context(), "greet", unsigned, host); err != nil {
		t.Fatal(err)
	}
	asked := len(n.registry.asked(".tgz"))
	if _, err := f.ToolLayer(t.Context(), "greet", unsigned, host); err != nil || len(n.registry.asked(".tgz")) != asked {
		t.Fatalf("what is in the store was downloaded again: %v", err)
	}

	n.spec.Vouching.Policy.Require = evidence.Signed
	strict := func() *Fetcher {
		out := n.fetcher()
		out.store = f.store
		return out
	}
	_, err = strict().ToolLayer(t.Context(), "greet", unsigned, host)
	if err == nil || !strings.Contains(err.Error(), "it requires signature, and what sandwright.lock says is integrity only") {
		t.Errorf("an unsigned tool of the store: %v", err)
	}
	n.sign(n.key, greeter(t))
	signed, err := strict().ResolveTool(t.Context(), "greet", n.spec, host)
	if err != nil {
		t.Fatal(err)
	}
	tool := lock.Tool{Source: unsigned.Source, Platforms: map[string]lock.Artifact{host: signed}}
	asked = len(n.registry.asked(".tgz"))
	if _, err := strict().ToolLayer(t.Context(), "greet", tool, host); err != nil || len(n.registry.asked(".tgz")) != asked {
		t.Errorf("what was verified when it was locked is verified again: %v", err)
	}
	if _, err := strict().ToolLayer(t.Context(), "greet", unsigned, host); err == nil {
		t.Error("the lock without the signature is taken")
	}
}
