// Package workspace finds what a package manager would install: the packages
// of a monorepo, their manifests and the inputs of an install.
package workspace

import "github.com/sandwright/sandwright/internal/fault"

// A Workspace is what was discovered below one root.
type Workspace struct {
	Manager  Manager
	LockFile string    // relative to the root, slash-separated
	Packages []Package // sorted by Dir; the root package is "."
	Inputs   []Input   // what an install reads, sorted by Path
}

// A Manager is the package manager that the repository itself names.
type Manager struct {
	Name    string // pnpm
	Version string // exact, from packageManager
	Hash    string // of its tarball, as packageManager gives it after a +, such as sha512.ab12…; empty: none
	At      fault.Position
}

// A Package is one member of the workspace.
type Package struct {
	Name    string
	Dir     string   // relative to the root, slash-separated
	Depends []string // names of other members it depends on, sorted
	Hooks   []string // its own lifecycle scripts that an install would run, sorted
}

// An Input is one file of the dependency layer. Manifests are normalised:
// only the fields that can change an install are left.
type Input struct {
	Path string // relative to the root, slash-separated
	Data []byte
}
