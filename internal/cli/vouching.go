package cli

import (
	"cmp"
	"path/filepath"
	"strings"

	"github.com/sandwright/sandwright/internal/config"
	"github.com/sandwright/sandwright/internal/evidence"
	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/fetch"
	"github.com/sandwright/sandwright/internal/lock"
	"github.com/sandwright/sandwright/internal/smallfile"
)

// maxTrustFile bounds a file of keys or roots, in bytes.
const maxTrustFile = 4 << 20

// A trustReader reads the files of keys and roots that sandwright.yaml names,
// and collects what is wrong with them.
type trustReader struct {
	project project
	faults  fault.List
}

// A vouchers is who has to vouch for what the lock pins.
type vouchers struct {
	base  evidence.Policy           // for an image that is the base
	tools map[string]fetch.Vouching // for tools by name, and under the empty one for those that the file does not name
}

// vouchings is who has to vouch for the base and each tool of the file. All
// faults are reported together.
func vouchings(p project) (vouchers, error) {
	r := &trustReader{project: p}
	common := evidence.Policy{NPMKeys: evidence.PublicNPMKeys()}
	trust := p.file.Trust
	if trust.NPMKeys != "" {
		keys := read(r, p.file.At("trust", "npm-keys"), trust.NPMKeys, evidence.ParseNPMKeys)
		common.NPMKeys = append(keys, common.NPMKeys...)
	}
	if trust.Sigstore != "" {
		common.Roots = read(r, p.file.At("trust", "sigstore"), trust.Sigstore, evidence.ParseRoots)
	}
	out := vouchers{base: common, tools: map[string]fetch.Vouching{"": {Policy: common}}}
	base := p.file.Base
	out.base.At, out.base.Tool, out.base.Base, out.base.Require = p.file.At("base"), "base", true, evidence.Level(base.Require)
	out.base.Cosign = r.identity(p.file.At("base", "cosign"), base.Cosign)
	for name, t := range p.file.Tools {
		out.tools[name] = r.vouching(name, t, common)
	}
	return out, r.faults.Err()
}

func (r *trustReader) vouching(name string, t config.Tool, policy evidence.Policy) fetch.Vouching {
	at := func(keys ...string) fault.Position {
		return r.project.file.At(append([]string{"tools", name}, keys...)...)
	}
	policy.At, policy.Tool, policy.Require = at(), name, evidence.Level(t.Require)
	v := fetch.Vouching{}
	if m := t.Minisign; m != nil {
		policy.Minisign, v.Minisign = m.Key, fetch.Signing{Signature: m.Signature, Sums: m.Sums}
		if err := evidence.CheckMinisignKey(m.Key); err != nil {
			r.faults = append(r.faults, at("minisign").Cannot("use minisign: it is no public key of minisign").WithHint("copy it again from the project that signs"))
		}
	}
	if p := t.PGP; p != nil {
		policy.PGP, v.PGP = read(r, at("pgp"), p.Keys, evidence.ParsePGPKeys), fetch.Signing{Signature: p.Signature, Sums: p.Sums}
	}
	if s := t.Sigstore; s != nil {
		policy.Sigstore, v.Bundle, v.Sums, policy.Sums = r.identity(at("sigstore"), &s.Identity), s.Bundle, s.Sums, s.Sums != ""
	}
	policy.Provenance = r.identity(at("provenance"), t.Provenance)
	policy.Origin = origin(t)
	policy.Cosign = r.identity(at("cosign"), t.Cosign)
	v.Policy = policy
	return v
}

// origin is who builds what comes from GitHub, where somebody says so: a
// workflow of the repository itself.
func origin(t config.Tool) *evidence.Identity {
	repository, _, ok := strings.Cut(t.GitHub, "@")
	if !ok {
		return nil
	}
	return &evidence.Identity{Name: "https://github.com/" + repository + "/", Issuer: "https://token.actions.githubusercontent.com"}
}

func (r *trustReader) identity(at fault.Position, i *config.Identity) *evidence.Identity {
	if i == nil {
		return nil
	}
	out := &evidence.Identity{Name: i.Name, Issuer: i.Issuer}
	if i.Key != "" {
		out.Key = read(r, at, i.Key, evidence.ParsePublicKey)
	}
	return out
}

// vouchingOf is who has to vouch for a tool, which may be one that the file
// does not name, and what is locked of it.
func vouchingOf(who vouchers, name string, old *lock.Lock) fetch.Vouching {
	v, ok := who.tools[name]
	if !ok {
		v = who.tools[""]
		v.Policy.Tool = name
	}
	v.Before = map[string][]lock.Evidence{}
	for platform, a := range old.Tools[name].Platforms {
		v.Before[platform] = a.Evidence
	}
	return v
}

// read parses a file of the project, and does not follow a link out of it.
func read[T any](r *trustReader, at fault.Position, name string, parse func(string, []byte) (T, error)) (v T) {
	data, err := smallfile.ReadBelow(r.project.dir, filepath.FromSlash(name), maxTrustFile)
	if err != nil {
		r.faults = append(r.faults, at.Cannot("read %s: %w", name, err).WithHint("correct the path, which counts from the folder of the file"))
		return v
	}
	v, err = parse(name, data)
	for _, f := range fault.All(err) {
		f.At = cmp.Or(f.At, at)
		r.faults = append(r.faults, f)
	}
	return v
}

// vouchingInputs is the part of a tool's fingerprint that says who vouches for
// it.
func (p project) vouchingInputs(t config.Tool) (pairs []string) {
	add := func(key, value string) {
		if value != "" {
			pairs = append(pairs, key, value)
		}
	}
	add("require", t.Require)
	if m := t.Minisign; m != nil {
		add("minisign", m.Key)
		add("minisign signature", m.Signature)
		add("minisign sums", m.Sums)
	}
	if pgp := t.PGP; pgp != nil {
		add("pgp", pgp.Keys)
		add("pgp keys", p.contents(pgp.Keys))
		add("pgp signature", pgp.Signature)
		add("pgp sums", pgp.Sums)
	}
	if s := t.Sigstore; s != nil {
		pairs = append(pairs, p.identityInputs("sigstore", &s.Identity)...)
		add("sigstore bundle", s.Bundle)
		add("sigstore sums", s.Sums)
	}
	return append(append(pairs, p.identityInputs("provenance", t.Provenance)...), p.identityInputs("cosign", t.Cosign)...)
}

func (p project) identityInputs(key string, i *config.Identity) []string {
	if i == nil {
		return nil
	}
	pairs := []string{key, i.Name + " " + i.Issuer + " " + i.Key}
	if i.Key != "" {
		pairs = append(pairs, key+" key", p.contents(i.Key))
	}
	return pairs
}

// contents is the fingerprint of a file of the project; of one that cannot be
// read, of nothing, which vouchings reports.
func (p project) contents(name string) string {
	data, _ := smallfile.ReadBelow(p.dir, filepath.FromSlash(name), maxTrustFile)
	return lock.Fingerprint(string(data))
}

// vouched verifies what a lock says of who vouches, as far as that can be done
// without the network and without what it pins.
func (p project) vouched(l *lock.Lock) error {
	who, err := vouchings(p)
	if err != nil {
		return err
	}
	return settings(p, who).Vouched(l)
}
