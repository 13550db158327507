package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"

	"github.com/sandwright/sandwright/internal/dockerhost/dockertest"
	"github.com/sandwright/sandwright/internal/evidence/evidencetest"
)

// A signedBase is the project's base in a registry of images on loopback.
type signedBase struct {
	*signedProject
	ref    name.Reference
	digest v1.Hash
}

func newSignedBase(t *testing.T) *signedBase {
	t.Helper()
	b := &signedBase{signedProject: newSignedProject(t)}
	b.must(os.Remove(filepath.Join(b.dir, "package.json"))) // only the base is about something here
	index, err := layout.ImageIndexFromPath(filepath.Join(b.dir, "base"))
	b.must(err)
	b.digest, err = index.Digest()
	b.must(err)
	b.ref, err = name.ParseReference(dockertest.Registry(t, "", "") + "/acme/base:1")
	b.must(err)
	b.must(remote.WriteIndex(b.ref, index))
	return b
}

func (b *signedBase) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// sign puts a key's signature of the index beside it.
func (b *signedBase) sign(key *evidencetest.ECDSA) {
	b.t.Helper()
	payload := fmt.Appendf(nil, `{"critical":{"identity":{"docker-reference":"acme/base"},"image":{"docker-manifest-digest":%q},"type":"cosign container image signature"},"optional":null}`, b.digest)
	img, err := mutate.Append(empty.Image, mutate.Addendum{Layer: static.NewLayer(payload, "application/vnd.dev.cosign.simplesigning.v1+json"),
		Annotations: map[string]string{"dev.cosignproject.cosign/signature": key.Sign(payload)}})
	b.must(err)
	b.must(remote.Write(b.ref.Context().Tag("sha256-"+b.digest.Hex+".sig"), img))
}

// file writes sandwright.yaml, with more for the base.
func (b *signedBase) file(base string) {
	b.write("sandwright.yaml", "name: demo\nbase: {image: \""+b.ref.String()+"\""+base+"}\nplatforms: [linux/amd64, linux/arm64]\n")
}

// The base's life in the words that people see: signed by nobody, by a swapped
// key, by the one that is named, and by nobody again.
func TestLockKeepsEvidenceOfTheBase(t *testing.T) {
	b := newSignedBase(t)
	key := evidencetest.NewECDSA(t, "")
	b.write("cosign.pub", string(key.PEM()))

	b.file("")
	b.lock(true, nil, ", evidence integrity only", "notice: acme/base@sha256:", ": integrity only: nobody's signature on it was verified")
	b.lock(true, []string{"--explain"}, "integrity only")
	b.file(", require: signature")
	b.lock(false, nil, "sandwright.yaml:2:", "cannot require signature of the base: it names nobody who signs it", "add cosign: {key: FILE}")
	if _, errs, ok := b.run("check"); ok || !strings.Contains(errs, "cannot require signature of the base: it names nobody who signs it") {
		t.Errorf("check says %s", errs)
	}

	b.file(", cosign: {key: cosign.pub}")
	b.lock(false, nil, "sandwright.yaml names who vouches for it with cosign, and "+b.ref.String()+" serves no such evidence")
	b.sign(evidencetest.NewECDSA(t, ""))
	b.lock(false, nil, "what came is by another key or forged")
	b.sign(key)
	b.lock(true, nil, "linux/arm64: evidence integrity only -> cosign sha256:")
	b.lock(true, []string{"--explain"}, "at every build; cosign sha256:")
	lock, err := os.ReadFile(filepath.Join(b.dir, "sandwright.lock"))
	if want := "- {kind: cosign, verdict: verified, key: \"sha256:"; err != nil || strings.Count(string(lock), want) != 2 {
		t.Errorf("the lock does not have %q for both platforms (%v):\n%s", want, err, lock)
	}

	b.file("")
	b.lock(false, nil, "sandwright.lock pins cosign by key sha256:", "hint:  see why; if it may be weaker from now on, say so in sandwright.yaml: base.require: integrity")
	b.file(", require: integrity")
	b.lock(true, nil, "-> integrity only")
}
