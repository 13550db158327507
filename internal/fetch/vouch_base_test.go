package fetch

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/sandwright/sandwright/internal/evidence"
	"github.com/sandwright/sandwright/internal/evidence/evidencetest"
	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/lock"
)

// base is the image as a base, and what is demanded of it: the test's key,
// unless the policy says otherwise.
func (s *signedImage) base(edit func(*evidence.Policy)) (f *Fetcher, spec ImageSpec, notices *[]string) {
	s.t.Helper()
	key, err := evidence.ParsePublicKey("cosign.pub", s.key.PEM())
	s.must(err)
	roots, err := evidence.ParseRoots("roots", s.store.Root())
	s.must(err)
	policy := evidence.Policy{At: fault.Position{File: "sandwright.yaml", Line: 2, Column: 7}, Tool: "base", Base: true, Roots: roots, Cosign: &evidence.Identity{Key: key}}
	edit(&policy)
	notices = &[]string{}
	f = newFetcher(s.t, npmFrom(nil)).With(Settings{Base: policy})
	f.OnNotice(func(text string) { *notices = append(*notices, text) })
	return f, ImageSpec{Image: s.host + "/acme/tool:1.0"}, notices
}

func asItIs(*evidence.Policy)    {}
func unnamed(p *evidence.Policy) { p.Cosign = nil }
func byItsWorkflow(p *evidence.Policy) {
	p.Cosign = &evidence.Identity{Name: workflow, Issuer: actions}
}

func TestCosignOfTheBase(t *testing.T) {
	signed := func(s *signedImage) { s.byKey(s.key, s.of(amd64), s.of(amd64)) }
	swapped := func(s *signedImage) { s.byKey(evidencetest.NewECDSA(s.t, ""), s.of(amd64), s.of(amd64)) }
	unsigned := func(*signedImage) {}
	before := lock.System{Evidence: []lock.Evidence{{Kind: "cosign", Verdict: lock.Verified, Key: "sha256:before", Proof: "e30="}}}
	for _, c := range []struct {
		name   string
		serve  func(*signedImage)
		policy func(*evidence.Policy)
		was    lock.System
		level  string // as people read it
		notice string
		fault  string // its text and hint; empty: none
	}{
		{name: "by key", serve: signed, policy: asItIs, level: "cosign sha256:"},
		{name: "index, by key", serve: func(s *signedImage) { s.byKey(s.key, s.of(""), s.of("")) }, policy: asItIs, level: "cosign sha256:"},
		{name: "by identity", serve: func(s *signedImage) {
			s.refer(s.of(amd64), s.store.Attest(tagged, actions, signedStatement(s.of(amd64))))
		}, policy: byItsWorkflow, level: "cosign " + workflow + " (" + actions + ")"},
		{name: "nobody is named", serve: unsigned, policy: unnamed, level: "integrity only", notice: "acme/tool@sha256:"},
		{name: "named, and unsigned", serve: unsigned, policy: asItIs, fault: "names who vouches for it with cosign, and 127.0.0.1:"},
		{name: "required, and unsigned", serve: unsigned, policy: func(p *evidence.Policy) { unnamed(p); p.Require = evidence.Signed },
			fault: "it requires signature, and what 127.0.0.1:|serves is integrity only|or lower require of the base"},
		{name: "swapped key", serve: swapped, policy: asItIs, fault: "expected a signature with key sha256:|what came is by another key or forged"},
		{name: "of the other platform", serve: func(s *signedImage) { s.byKey(s.key, s.of(amd64), s.of("linux/arm64")) }, policy: asItIs, fault: "expected a signature of sha256:"},
		{name: "weaker than what is locked", serve: signed, policy: unnamed, was: before,
			fault: "sandwright.lock pins cosign by key sha256:before, and what 127.0.0.1:|serves is integrity only|say so in sandwright.yaml: base.require: integrity"},
		{name: "weaker, and that is right", serve: signed, policy: func(p *evidence.Policy) { unnamed(p); p.Require = evidence.IntegrityOnly }, was: before,
			level: "integrity only", notice: "acme/tool@sha256:"},
		{name: "by somebody who is named anew", serve: signed, policy: asItIs, was: before, level: "cosign sha256:"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSignedImage(t)
			c.serve(s)
			f, spec, notices := s.base(c.policy)
			system, err := f.ResolveImage(t.Context(), spec, c.was, amd64)
			nothingKept(t, f.store)
			if c.fault != "" {
				baseRefused(t, err, c.fault)
				return
			}
			s.must(err)
			pinned := &lock.Lock{Version: lock.Version, Base: lock.Base{Source: "oci:acme/tool:1.0", Systems: map[string]lock.System{amd64: system}}}
			if said := lock.Compare(&lock.Lock{}, pinned)[0].String(); !strings.Contains(said, "evidence "+c.level) {
				t.Errorf("lock says %s, want %s", said, c.level)
			}
			if said := strings.Join(*notices, "\n"); !strings.HasPrefix(said, c.notice) || (c.notice == "") != (said == "") {
				t.Errorf("notices are %q, want %q", said, c.notice)
			}
			_, err = f.ImageLayers(t.Context(), system, spec, amd64)
			s.must(err)
		})
	}
}

func baseRefused(t *testing.T, err error, want string) {
	t.Helper()
	faults := fault.All(err)
	if len(faults) != 1 || faults[0].Hint == "" {
		t.Fatalf("got %v, want one fault with a hint", err)
	}
	for _, part := range strings.Split(want, "|") {
		if text := faults[0].Error() + "\n" + faults[0].Hint; !strings.Contains(text, part) {
			t.Errorf("got %s\nwant %s", text, part)
		}
	}
}

// Somebody changes the image and the lock, so that the digest fits; the
// signature is of what was there before.
func TestALockThatWasEditedForAnotherBaseIsRefused(t *testing.T) {
	s := newSignedImage(t)
	s.byKey(s.key, s.of(amd64), s.of(amd64))
	f, spec, _ := s.base(asItIs)
	good, err := f.ResolveImage(t.Context(), spec, lock.System{}, amd64)
	s.must(err)
	evil := indexOf(t, map[string][][]file{amd64: {{{name: "bin/tool", data: "EVIL", mode: 0o755}}}})
	push(t, s.host+"/acme/tool:1.0", evil)
	careless, _, _ := s.base(unnamed)
	bad, err := careless.ResolveImage(t.Context(), spec, lock.System{}, amd64)
	s.must(err)
	if bad.Image == good.Image {
		t.Fatal("it is the same image")
	}
	want := []lock.Evidence{{Kind: "cosign", Verdict: lock.Verified, Key: f.settings.Base.Cosign.Key.String()}}
	if diff := cmp.Diff(want, proofless(good.Evidence)); diff != "" || good.Evidence[0].Proof == "" {
		t.Fatalf("evidence (-want +got):\n%s", diff)
	}
	for _, c := range []struct {
		name     string
		evidence []lock.Evidence
		policy   func(*evidence.Policy)
		fault    string
	}{
		{"the signature stays", good.Evidence, asItIs, "its cosign from sandwright.lock: cannot use it: expected a signature of sha256:" + bad.Image},
		{"the signature goes", nil, asItIs, "names who vouches for it with cosign, and sandwright.lock says no such evidence"},
		{"the signature goes, and one is required", nil, func(p *evidence.Policy) { unnamed(p); p.Require = evidence.Signed },
			"it requires signature, and what sandwright.lock says is integrity only"},
		{"the proof goes", proofless(good.Evidence), asItIs, "cannot use the base: sandwright.lock says that cosign is verified, and has no proof of it|run: sandwright lock --update base"},
		{"nobody is named", good.Evidence, unnamed, "sandwright.yaml names nobody for it: base.cosign"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, _, _ := s.base(c.policy)
			bad.Evidence = c.evidence
			_, err := f.ImageLayers(t.Context(), bad, spec, amd64)
			baseRefused(t, err, c.fault)
			nothingKept(t, f.store)

			// The image is in the store already, for somebody who asks nobody.
			trusting, _, _ := s.base(unnamed)
			_, err = trusting.ImageLayers(t.Context(), lock.System{Image: bad.Image}, spec, amd64)
			s.must(err)
			f.store = trusting.store
			_, err = f.ImageLayers(t.Context(), bad, spec, amd64)
			baseRefused(t, err, c.fault)
		})
	}
}

// What the lock has of a signature is verified without asking for it again.
func TestTheBaseIsVerifiedAgainWithoutItsRegistrysSignatures(t *testing.T) {
	s := newSignedImage(t)
	s.byKey(s.key, s.of(amd64), s.of(amd64))
	f, spec, _ := s.base(asItIs)
	system, err := f.ResolveImage(t.Context(), spec, lock.System{}, amd64)
	s.must(err)
	sig, err := name.ParseReference(s.host + "/acme/tool:sha256-" + s.of(amd64) + ".sig")
	s.must(err)
	there, err := remote.Head(sig)
	s.must(err)
	s.must(remote.Delete(sig.Context().Digest(there.Digest.String()))) // a registry takes no tag here
	if _, err := f.ImageLayers(t.Context(), system, spec, amd64); err != nil {
		t.Error(err)
	}
	again, _, _ := s.base(asItIs)
	_, err = again.ResolveImage(t.Context(), spec, system, amd64)
	if err == nil || !strings.Contains(err.Error(), "names who vouches for it with cosign") {
		t.Errorf("a registry that strips signatures: %v", err)
	}
}
