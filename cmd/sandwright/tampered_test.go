package main

import (
	"crypto/sha1"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sandwright/sandwright/internal/evidence"
	"github.com/sandwright/sandwright/internal/evidence/evidencetest"
	"github.com/sandwright/sandwright/internal/lock"
)

// tamper edits what the lock has of a tool on both platforms, as somebody would
// who gives each block its new digest.
func (p *signedProject) tamper(tool string, edit func(*lock.Artifact)) {
	p.t.Helper()
	path := filepath.Join(p.dir, "sandwright.lock")
	l, err := lock.Load(path)
	if err != nil {
		p.t.Fatal(err)
	}
	for platform, a := range l.Tools[tool].Platforms {
		edit(&a)
		l.Tools[tool].Platforms[platform] = a
	}
	if err := lock.Save(path, l); err != nil {
		p.t.Fatal(err)
	}
}

// refused wants lock --check, lock --explain and check to refuse the lock with
// that text.
func (p *signedProject) refused(want string) {
	p.t.Helper()
	for _, args := range [][]string{{"lock", "--check"}, {"lock", "--explain"}, {"check"}} {
		out, errs, ok := p.run(args...)
		if ok || !strings.Contains(errs, want) || strings.Contains(out, "verified") {
			p.t.Errorf("%v: done is %v, want %q:\n%s%s", args, ok, want, out, errs)
		}
	}
}

// TestForgedEvidenceIsNeverShown edits the evidence of a lock in every way, and
// nobody shows it as verified.
func TestForgedEvidenceIsNeverShown(t *testing.T) {
	p := newSignedProject(t)
	must(t, os.Remove(filepath.Join(p.dir, "package.json"))) // the tool alone is about something here
	key, impostor := evidencetest.NewECDSA(t, "SHA256:ours"), evidencetest.NewECDSA(t, "SHA256:ours")
	p.write("keys.json", string(evidencetest.NPMKeys(t, time.Time{}, key)))
	p.file(", require: signature", "trust: {npm-keys: keys.json}\n")
	p.registry.sign(key.SignNPM("pnpm@10.28.0", p.registry.tarball))
	p.lock(true, nil, "is written")
	good := p.locked()
	material, err := json.Marshal(impostor.SignNPM("pnpm@10.28.0", p.registry.tarball))
	if err != nil {
		t.Fatal(err)
	}
	forged := evidence.Record{Material: material}.Proof()
	of := func(e lock.Evidence) func(*lock.Artifact) {
		return func(a *lock.Artifact) { a.Evidence = []lock.Evidence{e} }
	}
	for _, c := range []struct {
		name string
		edit func(*lock.Artifact)
		want string
	}{
		{"gone", func(a *lock.Artifact) { a.Evidence = nil }, "cannot trust pnpm@10.28.0: it requires signature, and what sandwright.lock says is integrity only"},
		{"without a proof", of(lock.Evidence{Kind: "npm-signature", Verdict: lock.Verified, Key: "SHA256:ours"}), "it says that it is verified, and has no proof"},
		{"forged", of(lock.Evidence{Kind: "npm-signature", Verdict: lock.Verified, Key: "SHA256:ours", Proof: forged}), "cannot trust pnpm@10.28.0: its npm-signature from sandwright.lock: cannot verify it"},
		{"of no kind", of(lock.Evidence{Kind: "vibes", Verdict: lock.Verified, Key: "me", Proof: forged}), "there is no such kind of evidence"},
		{"by somebody else", func(a *lock.Artifact) { a.Evidence[0].Key = "SHA256:theirs" }, "sandwright.lock says npm-signature by key SHA256:theirs, and its evidence is npm-signature by key SHA256:ours"},
		{"of other bytes", func(a *lock.Artifact) { a.SHA512 = strings.Repeat("0", 128) }, "cannot verify it: expected a signature of pnpm@10.28.0:sha512-AAAA"},
		{"of another version", func(a *lock.Artifact) { a.Version = "10.28.1" }, "cannot verify it: expected a signature of pnpm@10.28.1:"},
		{"garbled", func(a *lock.Artifact) { a.Evidence[0].Proof = "H4sI" }, "the proof of npm-signature is none"},
	} {
		p.write("sandwright.lock", good)
		p.tamper("pnpm", c.edit)
		t.Log(c.name)
		p.refused(c.want)
	}
	p.write("sandwright.lock", good)
	p.lock(true, []string{"--check"}, "fits")
	p.file(", require: integrity", "trust: {npm-keys: keys.json}\n")
	p.lock(false, []string{"--check"}, "it was made from other settings of tool pnpm")
}

// TestHashesOfThePackageManager holds pnpm against the hash in package.json, and
// what the lock says of it against the one that is there now.
func TestHashesOfThePackageManager(t *testing.T) {
	p := newSignedProject(t)
	data := p.registry.tarball
	one, five := sha1.Sum(data), sha512.Sum512(data)
	manager := func(hash string) {
		p.write("package.json", `{"name": "demo", "packageManager": "pnpm@10.28.0`+hash+`"}`)
	}
	const stale = "package.json:1:18: cannot use the lock: it pins tool pnpm held against the hash "
	p.write("sandwright.yaml", "name: demo\nbase: {layout: base}\nplatforms: [linux/amd64, linux/arm64]\n")
	p.lock(true, nil, "is written")
	before := "none"
	for kind, sum := range map[string][]byte{"sha1": one[:], "sha512": five[:]} {
		hash := kind + "." + hex.EncodeToString(sum)
		manager("+" + hash)
		p.lock(false, []string{"--check"}, stale+before+", and package.json says "+hash)
		p.lock(true, nil, "is written")
		p.lock(true, []string{"--check"}, "fits")
		p.lock(true, []string{"--explain"}, "integrity only, as listed by package-manager package.json "+kind+".")
		before = hash
	}
	manager("+sha224." + strings.Repeat("0", 56))
	p.lock(false, nil, "package.json:1:18: cannot use pnpm 10.28.0: its registry gives one with sha224 ", ", and packageManager says 0000")
	manager("")
	p.lock(false, []string{"--check"}, stale+before+", and package.json says none")
	p.lock(true, nil, "is written")
	p.lock(true, []string{"--explain"}, "; integrity only: nobody vouched")
}
