// Package config reads sandwright.yaml: strictly, with the position of every
// node, and with every fault at once.
package config

import (
	"crypto/sha256"
	"maps"
	"time"

	"cmp"
	"slices"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/spec"
)

// Name is the file this package reads.
const Name = "sandwright.yaml"

// A File is one sandwright.yaml with its defaults filled in.
type File struct {
	Path      string // as given; its directory is the project
	Name      string
	Base      Base
	Platforms []string // such as linux/amd64; default: the host's
	User      User
	Workspace Workspace
	Git       string            // none, head (the default) or full: the repository in the box
	GitConfig map[string]string // of that repository, by name: section.key or section.subsection.key
	Exclude   []string          // patterns of what is not staged
	Include   []string          // patterns of what is staged although git ignores it
	Links     []LinkRule
	Budget    int64    // bytes of all staged files; 0 is no bound
	Strict    bool     // a file that looks like a secret ends the build
	NotSecret []string // patterns of files that only look like secrets
	Tools     map[string]Tool
	Verify    string // never or boot: when PID 1 holds the tools' files against the lock
	// MinimumAge is how old the release of a tool must be to be locked.
	MinimumAge spec.Duration
	Registries Registries
	Trust      Trust
	Env        map[string]Variable
	Services   map[string]Service
	Main       string // the service whose end ends the sandbox; empty: none
	Logs       Logs
	Ports      []Port
	Image      Image
	Publish    Publish
	Cache      Cache

	positions map[string]fault.Position
	sum       [sha256.Size]byte
}

// Sum is the sha256 of the file's bytes.
func (f *File) Sum() [sha256.Size]byte { return f.sum }

// A Base is what the image starts from. Exactly one of Debian's Suite, Image
// and Layout is set.
type Base struct {
	Debian Debian
	Image  string // an OCI reference
	Layout string // folder of an OCI layout, relative to the project

	Require string    // of Image: integrity or signature; empty: no less than is locked
	Cosign  *Identity // of Image: who signs it; nil: nobody has to
}

// Debian names a suite and the packages wanted on top of its minimal system.
type Debian struct {
	Suite    string   // such as bookworm
	Packages []string // sorted, unique
	Security bool     // also take the suite's security updates; default true
}

// Registries say where packages and images come from, in the place of what
// npm, apt and the references themselves say. An empty one says nothing.
type Registries struct {
	NPM            string // address
	Debian         string // address of an archive
	DebianSecurity string // address of the archive of security updates
	OCI            string // host of the images that name none
}

// A User is who the services and the shell run as. The default is
// sandwright, 1000, /home/sandwright.
type User struct {
	Name string
	UID  uint32
	Home string
}

// A Workspace is the monorepo that is staged, installed and built.
type Workspace struct {
	Root   string // host directory, relative to the project; default "."
	Target string // absolute directory in the box; default HOME/src/NAME
	Build  []BuildStep
	// AtStart is what PID 1 does where the workspace is not what its dependencies
	// were installed from: install (the default), require, check or off.
	AtStart        string
	AtStartTimeout spec.Duration // of each command that runs then
	Installing
	Nested []Nested
}

// A Nested is a workspace with a lock file of its own, in a folder of Workspace.
type Nested struct {
	Dir string // relative to Workspace.Root
	Installing
}

// Installing says what the repository does not say of the install of one workspace.
type Installing struct {
	Manager       string   // NAME or NAME@RANGE; empty: what the repository says
	AllowScripts  []string // dependencies whose install scripts run, beside those that the package manager's own list allows
	Hooks         string   // source (the default) or install: when the workspace's own lifecycle scripts run
	Fetch         string   // install (the default) or apart: when packages are fetched
	HookInputs    []string // patterns of what they see of the workspace; default: see plan.Install
	Env           []string // names of build-scoped variables that the install sees
	TrustLockfile bool     // the package manager's supply-chain policies are not held against the lock file
}

// A BuildStep is one command after the install.
type BuildStep struct {
	Run     string   // given to sh -c, in Dir
	Dir     string   // relative to Target; default: Target itself
	Inputs  []string // patterns of what it sees of the workspace; default: see plan.Step
	Outputs []string // paths of what it leaves; empty: all that it writes
	Network bool     // default false: the step has no network
	Git     bool     // it sees what is committed of the box's repository
	SSH     string   // ID of the SSH agent of whoever builds that the step reaches; empty: none
	Env     []string // names of build-scoped variables it sees
	Tools   []string // names of tools it runs, besides node and the package manager
}

// A LinkRule says what becomes of the symbolic links that a pattern matches.
// Exactly one of Allow, Drop and Rewrite is set.
type LinkRule struct {
	Allow   string // pattern of links that may lead out of the workspace
	Drop    string // pattern of links that are left out
	Rewrite string // pattern of links that point to To instead
	To      string
}

// Pattern is the pattern of the links that the rule is about.
func (l LinkRule) Pattern() string { return cmp.Or(l.Allow, l.Drop, l.Rewrite) }

// A Tool is a pinned program. Exactly one of NPM, GitHub, URL, OCI and Deb is
// set. In GitHub's Asset and in URL, {version}, {os} and {arch} stand for those
// of the release.
type Tool struct {
	NPM        string            // NAME@CONSTRAINT; {arch} stands for npm's word for the architecture
	Closure    bool              // of NPM: with its dependencies
	GitHub     string            // OWNER/NAME@CONSTRAINT
	Asset      string            // of GitHub: the file of the release
	URL        string            // address of one file
	Version    string            // of URL
	OCI        string            // an OCI reference
	Deb        string            // NAME, NAME=VERSION or NAME/SUITE
	Arch       map[string]string // amd64 or arm64 -> the word that {arch} stands for
	Files      []string          // patterns of the files that are kept; empty: all
	Bin        []string          // files put on PATH; default: what the package itself says
	Check      []string          // command that ends the tool's layer; default: its program with --version
	MinimumAge *spec.Duration    // default: File.MinimumAge
	Vouched
}

// A Variable is the schema of one environment variable.
type Variable struct {
	spec.Rule
	Required    bool
	RequiredIf  []spec.When // it is required where all of them hold
	Default     *string
	DefaultFrom string // the variable whose value it has where it has none
	AllowEmpty  bool   // the empty text is a value
	Secret      bool
	From        Provider // where a secret is read
	Deliver     string   // how a service gets a secret: env (the default), file or fd
	OnChange    string   // what a service does when a secret changes: ignore (the default), restart or a signal
	Example     string
	Description string
	Deprecated  *string  // what to use instead; may be empty
	Scope       []string // build, run (the default), publish
	Services    []string // that see it; empty: every service
}

// In tells whether v is read in a scope.
func (v Variable) In(scope string) bool { return slices.Contains(v.Scope, scope) }

// A Provider is where the value of a secret is read, on the host. The zero
// Provider is none; else one of File and Exec is set.
type Provider struct {
	File    string   // relative to the project
	Exec    []string // a program that prints it
	Timeout spec.Duration
}

// Set tells whether there is one.
func (p Provider) Set() bool { return p.File != "" || len(p.Exec) > 0 }

// A Service is one supervised program of the box. Exactly one of Command and
// S6 is set; one with S6 has no more than Env, After, Port and Logs.
type Service struct {
	Command []string
	S6      string     // folder of an s6 service directory: relative to Workspace.Target, or absolute in the box
	Task    *spec.Task // it runs once, to its end
	Dir     string     // relative to Workspace.Target; default that itself
	User    string     // NAME or NAME:GROUP, names or numbers; empty: File.User
	ServiceEnv
	After   map[string]string // service -> started, ready or exited-ok
	Ready   *spec.Probe
	Start   *spec.Probe
	Live    *spec.Probe
	Restart spec.Restart // default: always; never for a task and for File.Main
	Stop    spec.Stop    // default: SIGTERM and 10s
	Limits  spec.Limits
	Port    int  // shown by ps; default: the port that Ready asks
	Logs    Logs // default: File.Logs
}

// A ServiceEnv is what a service's env says.
type ServiceEnv struct {
	Env  map[string]string   // fixed values
	Vars map[string]Variable // variables of its own, over File.Env's
}

// Logs bounds a service's log directory and says how its lines look.
type Logs struct {
	Files    int    // default 10
	Size     int64  // bytes; default 1 MB
	Total    int64  // bytes of all rotated files; 0 is no bound
	Stamp    string // iso8601 (the default), tai64n or none
	Format   string // text (the default) or json
	Overflow string // block (the default) or drop-oldest
	Mirror   *bool  // default false
	Budget   int64  // bytes of all services' rotated files together, of File.Logs only; 0 is no bound
}

// A Port of the box that is published on 127.0.0.1 of the host.
type Port struct {
	Host int // 0: any free one
	Box  int
}

// WithMinimumAge is the file with another MinimumAge, of every tool.
func (f *File) WithMinimumAge(age time.Duration) File {
	out := *f
	out.MinimumAge, out.Tools = spec.Duration(age), maps.Clone(f.Tools)
	for name, t := range out.Tools {
		t.MinimumAge = nil
		out.Tools[name] = t
	}
	return out
}

// At is the position of the node that the keys lead to, or of the nearest
// one above it. A sequence's index is its decimal number.
func (f *File) At(keys ...string) fault.Position {
	return position(f.positions, keys)
}
