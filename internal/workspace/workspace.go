// Package workspace finds what a package manager would install: the packages
// of a monorepo, their manifests and the inputs of an install. It knows pnpm,
// npm, yarn (classic and berry) and bun.
package workspace

import "github.com/sandwright/sandwright/internal/fault"

// A Workspace is what was discovered below one root.
type Workspace struct {
	Dir      string    // of the tree, slash-separated; "." is the tree's root
	Manager  Manager   // without a name: nothing is to be installed
	LockFile string    // relative to the root, slash-separated
	Packages []Package // sorted by Dir; the root package is "."
	Inputs   []Input   // what an install reads, sorted by Path

	// Built are the dependencies whose install scripts the root manifest allows, as NAME
	// or NAME@VERSION, of a package manager that has to be told: sorted. The others know.
	Built []string
	// PlugAndPlay tells that yarn makes no node_modules, but a file that says where
	// in its cache each package is.
	PlugAndPlay bool
	// Configures tells that pnpm installs configDependencies: packages that it reads
	// before all others.
	Configures bool
	// Commands are those files of the packages that an install links as commands
	// and makes executable, and that are not so in the tree: sorted. The source that
	// is laid over them takes that away.
	Commands []string
	// Runtimes are those that the root manifest asks for: one of each list.
	Runtimes [][]Runtime
	// FetchesNode tells that pnpm would fetch the node of its use-node-version by itself.
	FetchesNode bool
	// Variables are the names of environment variables that the configuration of
	// the package manager puts into addresses and credentials, sorted.
	Variables []string

	// HooksSee are manifests of packages, by folder, without the scripts that no lifecycle
	// script of the workspace's own can know of: the root's, and those of packages without
	// such scripts. It is empty where one may know any.
	HooksSee map[string][]byte

	Nested []*Workspace // with lock files of their own, in folders of this one; as Options names them
}

// All is ws and those nested in it, ws first.
func (ws *Workspace) All() []*Workspace { return append([]*Workspace{ws}, ws.Nested...) }

// A Package is one member of the workspace.
type Package struct {
	Name    string
	Dir     string   // relative to the root, slash-separated
	Depends []string // names of other members it depends on, sorted
	Hooks   []string // its own lifecycle scripts that an install would run, sorted
	// Reads are the files and folders, relative to the root, that its Hooks name
	// beside the package and those that it depends on, sorted; just "." where they
	// run over the workspace as a whole.
	Reads []string
}

// An Input is one file of the dependency layer. Manifests are normalised:
// only the fields that can change an install are left.
type Input struct {
	Path  string // relative to the root, slash-separated
	Data  []byte
	Links bool // it says what is linked where, and nothing of what is fetched
}

// Options say what of a workspace is known before it is read.
type Options struct {
	Dir     string         // of the tree; empty: its root
	Manager string         // NAME or NAME@RANGE, or None; empty: what the repository says
	At      fault.Position // where that is said
	// HooksEarly tells that the workspace's own lifecycle scripts run before the
	// source is there: they, and the files that they name, are inputs.
	HooksEarly bool
	Nested     []Options
}
