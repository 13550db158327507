package config

import "go.yaml.in/yaml/v4"

func trustShape() object[Trust] {
	return object[Trust]{fields: []field[Trust]{
		key("npm-keys", func(t *Trust) *string { return &t.NPMKeys }, checked("a path", relative),
			"A file with the keys that npm registries sign with, as a registry gives them at /-/npm/v1/keys. Take it from somewhere else than from the registry that it vouches for.").
			otherwiseIs("the keys of npm's public registry, which are part of sandwright").such("sandbox/npm-keys.json"),
		key("sigstore", func(t *Trust) *string { return &t.Sigstore }, checked("a path", relative),
			"A file with the trusted root of sigstore, or several, one a line: what gh attestation trusted-root and cosign trusted-root create write. Without it no provenance can be verified.").
			such("sandbox/trusted_root.jsonl"),
	}}
}

// vouchedFields say who vouches for a tool.
func vouchedFields() []field[Tool] {
	return []field[Tool]{
		key("require", func(t *Tool) *string { return &t.Require }, oneOf("integrity", "signature", "provenance"),
			"What must be known of a release at least, to lock it: only its hashes, a signature, or a statement of how it was built. integrity also lets it be weaker than what is locked.").
			otherwiseIs("no less than what is locked").such("signature"),
		key("minisign", func(t *Tool) **Minisign { return &t.Minisign }, optional[Minisign]{minisignForm()},
			"Of github and url: the public key of minisign that signs it, and where.").such("RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3"),
		key("pgp", func(t *Tool) **PGP { return &t.PGP }, optional[PGP]{pgpForm()},
			"Of github and url: the file with the PGP keys that sign it, and where.").such("{keys: sandbox/node.asc, sums: \"https://example.com/v{version}/SHASUMS256.txt.asc\"}"),
		key("sigstore", func(t *Tool) **Sigstore { return &t.Sigstore }, optional[Sigstore]{sigstoreShape()},
			"Of github and url: who signs it with sigstore, and where.").such("{identity: release@example.com, issuer: https://accounts.example.com}"),
		key("provenance", func(t *Tool) **Identity { return &t.Provenance }, optional[Identity]{object[Identity]{fields: identityFields()}},
			"Of npm and github: who builds it. What builds with GitHub's Actions is named by its workflow.").
			otherwiseIs("who built it when it was first locked").such("{identity: https://github.com/pnpm/pnpm/.github/workflows/release.yml, issuer: https://token.actions.githubusercontent.com}"),
		key("cosign", func(t *Tool) **Identity { return &t.Cosign }, optional[Identity]{signerShape()},
			"Of oci: who signs the image with cosign.").such("{key: sandbox/cosign.pub}"),
	}
}

func minisignForm() form[Minisign] {
	public := words("a public key", `RW[A-Za-z0-9+/]{54}`, "it is no public key of minisign, which has 56 letters and starts with RW")
	return form[Minisign]{
		takes: "a public key or a mapping",
		text:  as(public, func(key string) Minisign { return Minisign{Key: key} }),
		long: object[Minisign]{fields: []field[Minisign]{
			key("key", func(m *Minisign) *string { return &m.Key }, public, "The public key.").must().such("RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3"),
			key("signature", func(m *Minisign) *string { return &m.Signature }, signatureURL(), signatureAbout).
				otherwiseIs("the address of what is signed, and .minisig").such(`"{url}.minisig"`),
			key("sums", func(m *Minisign) *string { return &m.Sums }, signatureURL(), sumsAbout).otherwiseIs("the download itself is signed").such(`"https://example.com/{version}/SHA256SUMS"`),
		}},
	}
}

const (
	signatureAbout = "The address of the signature. {url} stands for that of the download, and {version}, {os} and {arch} as in it."
	sumsAbout      = "The address of the checksum file that is signed in place of the download, and must name it."
)

func pgpForm() form[PGP] {
	file := checked("a path", relative)
	return form[PGP]{
		takes: "a file or a mapping",
		text:  as(file, func(path string) PGP { return PGP{Keys: path} }),
		long: object[PGP]{fields: []field[PGP]{
			key("keys", func(p *PGP) *string { return &p.Keys }, file, "The file of public keys, as gpg --export writes it.").must().such("sandbox/node.asc"),
			key("signature", func(p *PGP) *string { return &p.Signature }, signatureURL(), signatureAbout+" A checksum file may hold its signature itself.").
				otherwiseIs("the address of what is signed, and .asc").such(`"{url}.sig"`),
			key("sums", func(p *PGP) *string { return &p.Sums }, signatureURL(), sumsAbout).otherwiseIs("the download itself is signed").such(`"https://example.com/{version}/SHASUMS256.txt.asc"`),
		}},
	}
}

func sigstoreShape() object[Sigstore] {
	o := object[Sigstore]{}
	for _, f := range signerShape().fields {
		inner := f.decode
		o.fields = append(o.fields, field[Sigstore]{key: f.key, about: f.about, example: f.example, schema: f.schema,
			decode: func(d *decoder, p keyPath, n *yaml.Node, into *Sigstore) { inner(d, p, n, &into.Identity) }})
	}
	o.fields = append(o.fields, key("bundle", func(s *Sigstore) *string { return &s.Bundle }, signatureURL(), "The address of the bundle. {url} stands for that of the download.").
		otherwiseIs("the address of what is signed, and .sigstore.json").such(`"{url}.bundle"`))
	o.fields = append(o.fields, key("sums", func(s *Sigstore) *string { return &s.Sums }, signatureURL(), sumsAbout).
		otherwiseIs("the download itself is signed").such(`"https://example.com/{version}/checksums.txt"`))
	return o
}

func identityFields() []field[Identity] {
	return []field[Identity]{
		key("identity", func(i *Identity) *string { return &i.Name }, checked("a name", notEmpty),
			"The name in the certificate: a mail address, or a workflow's address without its @refs/…, or a repository's address with a slash at its end.").such("release@example.com"),
		key("issuer", func(i *Identity) *string { return &i.Issuer }, checked("an address", registryURL),
			"Who vouched for the identity, with OpenID Connect.").such("https://token.actions.githubusercontent.com"),
	}
}

func signerShape() object[Identity] {
	return object[Identity]{
		fields: append(identityFields(), key("key", func(i *Identity) *string { return &i.Key }, checked("a path", relative),
			"The file of a public key that signs without a certificate, in place of identity and issuer.").such("sandbox/cosign.pub")),
	}
}

func signatureURL() scalar[string] { return checked("an address", evidenceURL) }
