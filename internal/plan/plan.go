// Package plan turns a file, a workspace and a lock into a Plan: everything
// that will be built and started, decided. It is pure: no clock, no disk, no network.
package plan

import (
	"github.com/sandwright/sandwright/internal/receipt"
	"github.com/sandwright/sandwright/internal/spec"
)

// A Plan is one image for one platform.
type Plan struct {
	Name     string
	Platform string // such as linux/amd64
	Tools    []Tool // sorted by name
	User     spec.User
	Target   string    // absolute directory of the workspace in the box
	Installs []Install // of the workspace, then of those nested in it
	Source   []SourceLayer
	Build    []Step
	Beneath  int               // so many steps, the first of Build, leave what the hot layer can lie over: see Lift
	Git      bool              // the workspace is a repository in the box
	Env      map[string]string // of the image, every step and every service
	// Executable are files of the source, relative to Target, that an install links
	// as commands and the tree does not have as such: sorted.
	Executable []string
	Spec       spec.Spec
	Ports      []Port
	Receipt    receipt.Receipt // of all that is here and what the image is made from; see Seal
}

// A Tool is one layer of a pinned program.
type Tool struct {
	Name  string
	Tree  string   // sha256 hex of the list of its files
	Check []string // command that must exit 0 for its layer to be taken; empty: none
	Use   Use
}

// A Use is the first thing that a tool is there for. What comes before does
// not depend on the tool: another version of it changes nothing there.
type Use int

// The uses, in their order.
const (
	UseInstall Use = iota // the workspace's install: node and its package manager
	UseBuild              // a build step that names the tool
	UseRun                // the finished sandbox
)

// A SourceLayer is a part of the staged tree with a layer of its own. The cold
// ones, of what is committed, come first; of what differs there is at most one, the hot
// one, and it is the last. Without a repository all is in that one.
type SourceLayer struct {
	Name    string   // the folders in it, such as "packages/ui", or HotLayer
	Digest  string   // sha256, hex, of every path, kind, mode, size and content in it
	Hot     bool     // the client sends it at each build; a cold one is in the store
	Tree    string   // of a hot one: the name of the client's tree
	Removed []string // of a hot one: files and links of colder layers that are no more, sorted
	Files   int      // in it, with links and empty folders
	Bytes   int64    // of its files
}

// HotLayer is the name of the layer of what is not committed.
const HotLayer = "what differs from the commit"

// A Step is one command of the workspace's build.
type Step struct {
	Run     string
	Dir     string // relative to Target; empty: Target itself
	Network bool
	Git     bool              // it sees what is committed
	SSH     string            // ID of the SSH agent of whoever builds that it reaches; empty: none
	Env     map[string]string // values of build-scoped variables, part of the cache key
	Secrets []string          // names of secret ones, no part of it
	Part
	// Outputs are paths that the step leaves to the image, and to later steps with
	// such an input; empty: all that it writes in the workspace.
	Outputs []string
	// Sees are the earlier steps, by their place, whose outputs a step with Inputs
	// sees.
	Sees []int
}

// A Part is what a command sees of the workspace beside the install.
type Part struct {
	// Inputs are patterns of it; empty: all of the workspace. Source is what they
	// match, and Content the sha256, hex, of that, however it is divided. Told tells
	// people of its files, as TreeFields of package receipt does; it decides nothing.
	Inputs  []string
	Source  []SourceLayer
	Content string
	Told    map[string]string `json:"-"`
}

// A Port of the box, published on 127.0.0.1 of the host; Host 0 is any free one.
type Port struct {
	Host int
	Box  int
}
