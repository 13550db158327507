package config

import (
	"maps"
	"slices"

	"github.com/sandwright/sandwright/internal/fault"
)

// checkVouched wants evidence to be of a kind that the source of the base or a
// tool has, and identities to be whole.
func checkVouched(f *File) (faults fault.List) {
	for _, key := range []string{"cosign", "require"} {
		if f.has("base", key) && !f.has("base", "image") {
			faults = append(faults, f.stray("image", "base", key))
		}
	}
	if f.Base.Cosign == nil && f.Base.Require != "" && f.Base.Require != "integrity" && f.has("base", "image") {
		faults = append(faults, f.At("base", "require").Cannot("require %s of the base: it names nobody who signs it", f.Base.Require).
			WithHint("add cosign: {key: FILE}, or {identity: …, issuer: …}"))
	}
	if f.Base.Cosign != nil {
		faults = append(faults, f.checkIdentity(*f.Base.Cosign, "base", "cosign")...)
	}
	for _, name := range slices.Sorted(maps.Keys(f.Tools)) {
		faults = append(faults, f.strayEvidence(name)...)
		t := f.Tools[name]
		for _, i := range []struct {
			key string
			of  *Identity
		}{{"sigstore", sigstoreIdentity(t.Sigstore)}, {"provenance", t.Provenance}, {"cosign", t.Cosign}} {
			if i.of != nil {
				faults = append(faults, f.checkIdentity(*i.of, "tools", name, i.key)...)
			}
		}
	}
	return faults
}

func sigstoreIdentity(s *Sigstore) *Identity {
	if s == nil {
		return nil
	}
	return &s.Identity
}

func (f *File) strayEvidence(name string) (faults fault.List) {
	for _, e := range []struct {
		key, sources string
		of           []string
	}{
		{"minisign", "github and url", []string{"github", "url"}},
		{"pgp", "github and url", []string{"github", "url"}},
		{"sigstore", "github and url", []string{"github", "url"}},
		{"provenance", "npm and github", []string{"npm", "github"}},
		{"cosign", "oci", []string{"oci"}},
	} {
		source := func(s string) bool { return f.has("tools", name, s) }
		if source(e.key) && !slices.ContainsFunc(e.of, source) {
			faults = append(faults, f.stray(e.sources, "tools", name, e.key))
		}
	}
	return faults
}

// stray is the fault of a key that belongs to other sources.
func (f *File) stray(sources string, keys ...string) *fault.Fault {
	return f.At(keys...).Cannot("use %s here: it belongs to %s", keys[len(keys)-1], sources).WithHint("remove it")
}

func (f *File) checkIdentity(i Identity, keys ...string) (faults fault.List) {
	at, key := f.At(keys...), keys[len(keys)-1]
	has := func(k string) bool { return f.has(append(slices.Clone(keys), k)...) }
	switch {
	case has("key") && (has("identity") || has("issuer")):
		faults = append(faults, at.Cannot("use %s: it takes either key, or identity and issuer", key).WithHint("remove one of the two"))
	case !has("key") && !has("identity"):
		faults = append(faults, at.Cannot("find identity: %s needs it", key).WithHint("add identity: release@example.com"))
	case !has("key") && !has("issuer"):
		faults = append(faults, at.Cannot("find issuer: %s needs it", key).WithHint("add issuer: https://token.actions.githubusercontent.com"))
	}
	if !has("key") && f.Trust.Sigstore == "" && i.Name != "" {
		faults = append(faults, at.Cannot("verify an identity: the file names no trusted root of sigstore").
			WithHint("add trust: {sigstore: FILE}, made with: gh attestation trusted-root > FILE"))
	}
	return faults
}
