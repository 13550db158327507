// Package engine turns an LLB definition into a root file system with
// BuildKit. The embedded engine is BuildKit's own controller and OCI worker
// inside this process: there is no daemon, and nothing of it outlives the call.
package engine

import (
	"strings"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/solver/pb"
	"github.com/tonistiigi/fsutil"

	"github.com/sandwright/sandwright/internal/buildcache"
	"github.com/sandwright/sandwright/internal/redact"
)

// A Request is one build.
type Request struct {
	// Image identifies the result: equal inputs have equal identities.
	Image      string
	Definition *llb.Definition
	Trees      map[string]fsutil.FS // what llb.Local names
	Secrets    map[string][]byte    // what llb.AddSecret names; never part of a cache key
	Hide       *redact.Set          // secrets that the display and errors do not show
	CacheFrom  []buildcache.Entry   // where layers are looked for; one that is not there is a notice
	SSH        []SSHAgent           // what llb.AddSSHSocket reaches, by llb.SSHID
	Proxy      *pb.ProxyEnv         // of steps with a network; see ProxyOf. Never part of a cache key
	CacheTo    []buildcache.Entry   // where they are written to, unless all was cached
	Logins     map[string]Login     // by registry's host, before those of docker login
}

// An SSHAgent signs for steps, and shows them no key.
type SSHAgent struct {
	ID    string
	Paths []string // the socket of an agent, or the files of keys without a passphrase
}

// A Login is who asks a registry.
type Login struct{ User, Secret string }

// A Result is an unpacked image.
type Result struct {
	Image  string
	Layers []Layer // unpacked, uppermost first; kept while their image is in use
	Steps  []Step  // in the order they ended

	Notices []string // of caches
}

// A Layer is an unpacked layer of an image.
type Layer struct {
	Dir  string
	Name string // LayerName of what made it; empty where that is not known
}

// LayerName is what a layer is called that a step of that name makes: its first
// line.
func LayerName(step string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(step), "\n")
	return line
}

// Lower lists the directories of r's layers, as an overlay takes them.
func (r Result) Lower() []string {
	dirs := make([]string, len(r.Layers))
	for i, l := range r.Layers {
		dirs[i] = l.Dir
	}
	return dirs
}

// A Step is one vertex of the build that ran or was found in the cache.
type Step struct {
	Name   string
	Cached bool

	source bool   // it works on no other step's result, and is never cached
	failed string // empty if it did not
}

// Options say where the engine keeps its state.
type Options struct {
	Root     string // its state; locked while the engine is open
	Layout   string // OCI image layout that llb.OCILayout reads; see StoreID
	MaxBytes int64  // size Root is brought back to; 0 means 10 GB
	Runtime  string // runc, or a path; default runc
	Builder  Builder
	CAs      []byte // certificate authorities of registries beside the system's, as PEM
	Progress Progress
	// Passing match the names of steps, as regular expressions, whose results are
	// soon of no use and cheap to make: they go passingKept after their last use.
	Passing []string
}

const (
	// exporterRootfs is our exporter's name, namesKey the key of what it is told of
	// layers, and layersKey that of its answer.
	exporterRootfs = "sandwright.rootfs"
	namesKey       = "sandwright.names"
	layersKey      = "sandwright.layers"
)

// StoreID is what llb.OCIStore names for Options.Layout.
const StoreID = "layout"

// DefaultMaxBytes bounds the state of an engine that was not given a limit.
const DefaultMaxBytes = 10 << 30
