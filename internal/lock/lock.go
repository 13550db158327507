// Package lock reads, writes and compares sandwright.lock, which pins every
// byte that will run. It names registries by kind, never by address.
package lock

import "errors"

// Name is the file this package reads, beside sandwright.yaml.
const Name = "sandwright.lock"

// Version is the only version of the format there is.
const Version = 1

// ErrMissing is returned (wrapped in a fault) by Load when there is no lock.
var ErrMissing = errors.New("no such lock")

// ErrDrift is returned (wrapped in a fault) by Check when the lock no longer
// matches the file it was made from.
var ErrDrift = errors.New("lock is out of date")

// A Lock is one sandwright.lock. A zero Base (no Suite) pins no base.
type Lock struct {
	Version int
	Base    Base
	Tools   map[string]Tool
}

// A Base pins a Debian system, package by package.
type Base struct {
	Suite    string
	Packages []string // as asked for in sandwright.yaml, sorted
	Security bool
	Systems  map[string]System // by platform
}

// A System is a resolved base of one platform.
type System struct {
	Releases []Release // that were verified with apt's keyring when this was made; sorted by suite
	Packages []Deb     // sorted by name; all of them
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

// A Tool pins one tool of sandwright.yaml.
type Tool struct {
	Source    string              // as asked for, such as npm:opencode-ai@1.18.33
	Bin       []string            // as asked for in sandwright.yaml; may be empty
	Platforms map[string]Artifact // by platform
}

// An Artifact is one download and what it becomes.
type Artifact struct {
	Package string // npm package that holds the files, such as opencode-linux-x64
	Version string
	Size    int64             // bytes of the download
	SHA256  string            // hex, of the download
	SHA512  string            // hex, of the download
	Tree    string            // sha256 hex of the layer's uncompressed tar
	Bin     map[string]string // name on PATH -> file in the package
}
