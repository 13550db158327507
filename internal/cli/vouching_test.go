package cli

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sandwright/sandwright/internal/config"
	"github.com/sandwright/sandwright/internal/evidence"
	"github.com/sandwright/sandwright/internal/evidence/evidencetest"
	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/lock"
)

const minisignKey = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3"

// vouchedProject is a project whose tools name everybody who can vouch.
func vouchedProject(t *testing.T) project {
	t.Helper()
	dir := t.TempDir()
	key := evidencetest.NewECDSA(t, "SHA256:own")
	for name, data := range map[string][]byte{
		"npm.json": evidencetest.NPMKeys(t, time.Time{}, key), "root.json": evidencetest.NewSigstore(t).Root(),
		"key.asc": evidencetest.NewPGP(t, time.Now(), 0).Public(), "cosign.pub": key.PEM(),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file, err := config.Parse(filepath.Join(dir, config.Name), []byte(`name: demo
base: {image: "debian:12", require: signature, cosign: {key: cosign.pub}}
trust: {npm-keys: npm.json, sigstore: root.json}
tools:
  mini: {url: "https://example.com/a", version: 1.0.0, require: signature, minisign: {key: `+minisignKey+`, sums: "https://example.com/SUMS"}}
  pgp: {url: "https://example.com/b", version: 1.0.0, pgp: {keys: key.asc, signature: "{url}.sig"}}
  bundle: {github: acme/tool@1.0.0, asset: tool, sigstore: {identity: dev@example.com, issuer: "https://accounts.example.com", bundle: "{url}.bundle"}}
  image: {oci: "busybox:1.37", files: [x], cosign: {key: cosign.pub}}
  built: {npm: tool@1.0.0, provenance: {identity: "https://github.com/acme/tool/", issuer: "https://accounts.example.com"}}
`))
	if err != nil {
		t.Fatal(err)
	}
	return project{dir: dir, file: file}
}

func TestVouchings(t *testing.T) {
	p := vouchedProject(t)
	who, err := vouchings(p)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]evidence.Kind{
		"mini": {evidence.Minisign}, "pgp": {evidence.PGP}, "bundle": {evidence.Sigstore}, "image": {evidence.Cosign}, "built": {evidence.Provenance}, "": nil,
	} {
		policy := who.tools[name].Policy
		if got := policy.Named(); len(got) != len(want) || len(got) > 0 && got[0] != want[0] {
			t.Errorf("%s names %v, want %v", name, got, want)
		}
		if len(policy.Roots) != 1 || len(policy.NPMKeys) != 1+len(evidence.PublicNPMKeys()) || policy.NPMKeys[0].ID != "SHA256:own" {
			t.Errorf("%s has %d roots and %d keys", name, len(policy.Roots), len(policy.NPMKeys))
		}
	}
	if b := who.base; b.At.Line != 2 || !b.Base || b.Tool != "base" || b.Require != evidence.Signed || b.Cosign == nil || b.Cosign.Key == nil || len(b.Roots) != 1 {
		t.Errorf("the base is %+v", b)
	}
	if settings(p, who).Base.Cosign != who.base.Cosign {
		t.Error("what fetches does not know who signs the base")
	}
	if v := who.tools["mini"]; v.Policy.Minisign != minisignKey || v.Minisign.Sums != "https://example.com/SUMS" || v.Policy.Require != evidence.Signed || v.Policy.At.Line != 5 {
		t.Errorf("mini is %+v", v)
	}
	if v := who.tools["pgp"]; v.PGP.Signature != "{url}.sig" {
		t.Errorf("pgp is %+v", v)
	}
	if v := who.tools["bundle"]; v.Bundle != "{url}.bundle" || v.Policy.Origin == nil || v.Policy.Origin.Name != "https://github.com/acme/tool/" {
		t.Errorf("bundle is %+v", v)
	}
	if v := who.tools["image"]; v.Policy.Cosign.Key == nil || !strings.HasPrefix(v.Policy.Cosign.String(), "key sha256:") {
		t.Errorf("image is %+v", v)
	}
	old := &lock.Lock{Tools: map[string]lock.Tool{"pnpm": {Platforms: map[string]lock.Artifact{"linux/amd64": {Evidence: []lock.Evidence{{Kind: "npm-signature"}}}}}}}
	if v := vouchingOf(who, "pnpm", old); v.Policy.Tool != "pnpm" || len(v.Before["linux/amd64"]) != 1 || len(v.Policy.NPMKeys) == 0 {
		t.Errorf("a tool that the file does not name has %+v", v)
	}
}

func TestVouchingsReportsEveryFile(t *testing.T) {
	p := vouchedProject(t)
	for _, name := range []string{"npm.json", "root.json", "key.asc", "cosign.pub"} {
		if err := os.WriteFile(filepath.Join(p.dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, err := vouchings(p)
	if got := fault.All(err); len(got) != 5 {
		t.Errorf("got %d faults, want 5: %v", len(got), err)
	}
	for _, f := range fault.All(err) {
		if f.At.Line == 0 || f.Code != fault.ExitConfig {
			t.Errorf("%v has no place, or code %d", f, f.Code)
		}
	}
}

func TestWhoVouchesIsInTheFingerprint(t *testing.T) {
	p, seen := project{dir: t.TempDir(), file: &config.File{}}, map[string]string{}
	for name, tool := range map[string]config.Tool{
		"nobody":   {NPM: "a@1.0.0"},
		"require":  {NPM: "a@1.0.0", Vouched: config.Vouched{Require: "signature"}},
		"minisign": {NPM: "a@1.0.0", Vouched: config.Vouched{Minisign: &config.Minisign{Key: minisignKey}}},
		"another":  {NPM: "a@1.0.0", Vouched: config.Vouched{Minisign: &config.Minisign{Key: minisignKey, Sums: "x"}}},
		"pgp":      {NPM: "a@1.0.0", Vouched: config.Vouched{PGP: &config.PGP{Keys: "a.asc"}}},
		"sigstore": {NPM: "a@1.0.0", Vouched: config.Vouched{Sigstore: &config.Sigstore{Identity: config.Identity{Name: "a"}}}},
		"built":    {NPM: "a@1.0.0", Vouched: config.Vouched{Provenance: &config.Identity{Name: "a"}}},
		"cosign":   {NPM: "a@1.0.0", Vouched: config.Vouched{Cosign: &config.Identity{Name: "a"}}},
	} {
		sum := p.toolInputs(tool)
		if other, ok := seen[sum]; ok {
			t.Errorf("%s has the fingerprint of %s", name, other)
		}
		seen[sum] = name
	}
	for name, base := range map[string]config.Base{
		"base":             {Image: "debian:12"},
		"base's require":   {Image: "debian:12", Require: "signature"},
		"base's key":       {Image: "debian:12", Cosign: &config.Identity{Key: "a.pub"}},
		"base's identity":  {Image: "debian:12", Cosign: &config.Identity{Name: "a"}},
		"base of somebody": {Image: "debian:12", Cosign: &config.Identity{Name: "a", Issuer: "b"}},
	} {
		sum := project{dir: p.dir, file: &config.File{Base: base}}.wantedBase().Inputs
		if other, ok := seen[sum]; ok {
			t.Errorf("%s has the fingerprint of %s", name, other)
		}
		seen[sum] = name
	}
}

// Another key under the name of a key's file is another fingerprint.
func TestTheContentsOfKeysAreInTheFingerprint(t *testing.T) {
	p := vouchedProject(t)
	inputs := func() map[string]string {
		out := map[string]string{"base": p.wantedBase().Inputs}
		for name, tool := range p.file.Tools {
			out[name] = p.toolInputs(tool)
		}
		return out
	}
	for file, whose := range map[string][]string{"key.asc": {"pgp"}, "cosign.pub": {"base", "image"}, "npm.json": nil} {
		before := inputs()
		if err := os.WriteFile(filepath.Join(p.dir, file), []byte("another "+file), 0o600); err != nil {
			t.Fatal(err)
		}
		for name, sum := range inputs() {
			if changed := sum != before[name]; changed != slices.Contains(whose, name) {
				t.Errorf("%s changes, and the fingerprint of %s changes: %v", file, name, changed)
			}
		}
	}
	before := inputs()["pgp"]
	if err := os.Remove(filepath.Join(p.dir, "key.asc")); err != nil || inputs()["pgp"] == before {
		t.Errorf("a key that goes is not in the fingerprint (%v)", err)
	}
}
