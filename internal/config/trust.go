package config

// Trust names files, relative to the project, that hold whom all tools trust.
type Trust struct {
	NPMKeys  string // keys of registries, as /-/npm/v1/keys has them; empty: npm's public registry's alone
	Sigstore string // trusted root of sigstore, or several, one a line; empty: none
}

// Vouched says who has to vouch for a tool, and what for at least.
type Vouched struct {
	Require    string // integrity, signature or provenance; empty: no less than is locked
	Minisign   *Minisign
	PGP        *PGP
	Sigstore   *Sigstore
	Provenance *Identity
	Cosign     *Identity
}

// Minisign is a key of minisign, and what it signs.
type Minisign struct {
	Key       string // public, as minisign prints it
	Signature string // address; empty: what is signed, and .minisig
	Sums      string // address of a checksum file that is signed; empty: the download itself is
}

// PGP is keys of PGP, and what they sign.
type PGP struct {
	Keys      string // file of public keys, relative to the project
	Signature string // address; empty: what is signed, and .asc; a clear-signed checksum file needs none
	Sums      string // address of a checksum file that is signed; empty: the download itself is
}

// Sigstore is who signs with sigstore, and where.
type Sigstore struct {
	Identity
	Bundle string // address; empty: that of what is signed, and .sigstore.json
	Sums   string // address of a checksum file that is signed; empty: the download itself is
}

// An Identity is the name in a certificate and who vouched for it, or the file
// of a public key.
type Identity struct {
	Name   string
	Issuer string
	Key    string
}
