// Package plan turns a file, a workspace and a lock into a Plan: everything
// that will be built and started, decided. It is pure: no clock, no disk, no network.
package plan

import "github.com/sandwright/sandwright/internal/spec"

// A Plan is one image for one platform.
type Plan struct {
	Name     string
	Platform string // such as linux/amd64
	Tools    []Tool // sorted by name
	User     spec.User
	Target   string // absolute directory of the workspace in the box
	Install  []string
	Hooks    bool // the workspace's own lifecycle scripts run once its source is there
	Build    []Step
	Git      bool              // the workspace is a repository in the box
	Env      map[string]string // of the image, every step and every service
	Spec     spec.Spec
	Ports    []Port
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

// A Step is one command of the workspace's build.
type Step struct {
	Run     string
	Network bool
	Env     map[string]string // values of build-scoped variables, part of the cache key
	Secrets []string          // names of secret ones, no part of it
}

// A Port of the box, published on 127.0.0.1 of the host; Host 0 is any free one.
type Port struct {
	Host int
	Box  int
}
