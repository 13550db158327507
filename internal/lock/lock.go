// Package lock reads, writes and compares sandwright.lock, which pins every
// byte that will run. It names registries by kind, never by address: only
// url: and github: sources have addresses, those of the file and where they
// were redirected to.
package lock

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
)

// Name is the file this package reads, beside sandwright.yaml.
const Name = "sandwright.lock"

// Version is the only version of the format that is read and written.
const Version = 2

// ErrMissing is returned (wrapped in a fault) by Load when there is no lock.
var ErrMissing = errors.New("no such lock")

// ErrDrift is returned (wrapped in a fault) by Check when the lock no longer
// matches the file it was made from.
var ErrDrift = errors.New("lock is out of date")

// A Lock is one sandwright.lock. A zero Base (no Source) pins no base.
type Lock struct {
	Version int
	Manager string // NAME@VERSION of the package manager, as package.json says; its tool has the same name
	Base    Base
	Tools   map[string]Tool
}

// A Base pins the system that the image starts from.
type Base struct {
	Source  string            // debian:SUITE, oci:REPOSITORY:TAG or layout:DIR
	Inputs  string            // fingerprint of all that sandwright.yaml says of it
	Systems map[string]System // by platform
}

// A System is a resolved base of one platform: packages, or an image.
type System struct {
	Releases []Release // that were verified with apt's keyring when this was made; sorted by suite
	Packages []Deb     // sorted by name; all of them
	Image    string    // sha256 hex of the manifest; empty for Debian packages
	Evidence []Evidence
}

// A Release is the signed index that packages were taken from.
type Release struct {
	Suite  string // its Suite or Codename, such as bookworm or bookworm-security
	SHA256 string // of its InRelease file
}

// A Deb is one package file.
type Deb struct {
	Name    string
	Version string
	Arch    string // amd64, arm64 or all
	Size    int64
	SHA256  string
}

// A Tool pins one tool of sandwright.yaml, or the package manager.
type Tool struct {
	Source    string              // as asked for, such as npm:opencode-ai@^1.18.0
	Inputs    string              // fingerprint of all that sandwright.yaml says of it
	Version   string              // of the release that all platforms are of
	Platforms map[string]Artifact // by platform
}

// An Artifact is one download and what it becomes.
type Artifact struct {
	Package  string            // that holds the files: of npm, of Debian, an asset's name, or an image's repository
	Version  string            // of Package
	Released string            // when, as RFC 3339 in UTC; empty when nobody says
	Image    string            // of oci: sha256 hex of the manifest that names the layer
	URLs     []string          // of url and github only: the address asked for, then where it redirected to
	Packed   Packing           // of the download
	Root     string            // directory of the archive around everything, which is left out; empty: none
	Size     int64             // bytes of the download
	SHA256   string            // hex, of the download
	SHA512   string            // hex, of the download
	Files    int64             // regular files and links in the layer, those of Bin apart
	Unpacked int64             // bytes of the layer's regular files
	Tree     string            // sha256 hex of the list of all files, which the layer carries; see internal/installed
	Keep     []string          // patterns of the files that are kept; empty: all
	Scripts  map[string]string // lifecycle scripts that the package asks for, and that never run
	Bin      map[string]string // name on PATH -> file in the layer
	Closure  []Dependency      // npm packages below it, sorted by path
	Evidence []Evidence        // beyond size and hashes; sorted by kind, then key
}

// A Packing is how a download is packed.
type Packing string

// The packings there are.
const (
	PackedNPM    Packing = "npm" // a tar.gz, each name below one directory, which is left out
	PackedTarGz  Packing = "tar.gz"
	PackedTarXz  Packing = "tar.xz"
	PackedTarZst Packing = "tar.zst"
	PackedTar    Packing = "tar"
	PackedZip    Packing = "zip"
	PackedGzip   Packing = "gz"    // one program, compressed
	PackedBare   Packing = "bare"  // one program
	PackedDeb    Packing = "deb"   // the files of a Debian package, from its root
	PackedLayer  Packing = "layer" // of an image, plain or compressed, from its root
)

// Packings are all there are.
func Packings() []Packing {
	return []Packing{PackedNPM, PackedTarGz, PackedTarXz, PackedTarZst, PackedTar, PackedZip, PackedGzip, PackedBare, PackedDeb, PackedLayer}
}

// A Dependency is one npm package of a tool's closure.
type Dependency struct {
	Path    string // below the tool, such as node_modules/a/node_modules/b
	Name    string // in the registry
	Version string
	Size    int64
	SHA512  string // hex, of its tarball
	Proof   string // base64: its registry's signature, where the tool requires one; may be empty
}

// A Verdict is what became of one kind of evidence.
type Verdict string

// The verdicts. What a registry does not serve is Absent, never Verified; and
// Verified is only what can be verified again, with its Proof.
const (
	Verified Verdict = "verified"
	Listed   Verdict = "listed" // somebody had these very bytes on a list when they were locked
	Absent   Verdict = "absent"
)

// Evidence says who vouches for an artifact beyond its hashes.
type Evidence struct {
	Kind     string // such as npm-signature, provenance, github-digest, sha256sums, minisign, pgp, cosign
	Verdict  Verdict
	Identity string // who: a workflow, a mail address, a file's place; may be empty
	Issuer   string // who vouched for Identity; may be empty
	Key      string // which key, by id or fingerprint; may be empty
	Proof    string // base64: what verifies again; of Verified alone
}

// What a lock may pin at most.
const (
	MaxDownload     = 2 << 30 // bytes of one download, and of a closure's together
	MaxFiles        = 200_000 // files and links of one tool
	MaxUnpacked     = 2 << 30 // bytes of its files
	MaxDependencies = 5_000   // packages of one closure
)

// Fingerprint is a hash of what sandwright.yaml says: of names and their
// values, in the order given.
func Fingerprint(pairs ...string) string {
	h := sha256.New()
	for _, s := range pairs {
		fmt.Fprintf(h, "%q\n", s)
	}
	return hex.EncodeToString(h.Sum(nil))
}
