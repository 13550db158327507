// Package llbgen lowers a Plan to LLB, BuildKit's build graph. It is pure: the
// same plan and layers give the same bytes.
package llbgen

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"time"

	"github.com/moby/buildkit/client/llb"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/sandwright/sandwright/internal/plan"
	"github.com/sandwright/sandwright/internal/receipt"
	"github.com/sandwright/sandwright/internal/spec"
)

// Names of the trees that the graph reads from the client.
const (
	Manifests = "manifests" // the dependency layer's files
	Fetched   = "lock"      // those of them that are there where packages are fetched apart
	Git       = "git"       // the workspace's repository
)

// Layers are the images the graph starts from, as NAME@DIGEST in the OCI
// layout that llb.OCIStore names.
type Layers struct {
	Store string // the store's name
	// System is the base with the tools of plan.UseInstall, as one chain of
	// layers: what BuildKit merges with a chain leaves the chain alone, and what
	// it merges with a merge is linked again, file by file.
	System string
	Init   string            // holds spec.InitPath
	Tools  map[string]string // by tool
	Source map[string]string // cold layers of plan.SourceLayer, by digest
	// Runner is a base whose programs the engine can run. It is there for a
	// platform whose programs it cannot, and no part of what is made.
	Runner Runner
}

// epoch is the time of every file that a copy makes.
var epoch = time.Unix(0, 0).UTC()

// Lower makes the graph of p.
func Lower(ctx context.Context, p plan.Plan, l Layers) (*llb.Definition, error) {
	platform, err := platformOf(p.Platform)
	if err != nil {
		return nil, err
	}
	t, err := toolStates(p, l)
	if err != nil {
		return nil, err
	}
	st := install(t.base, p)
	st = t.add(st, plan.UseBuild)
	st, err = buildAll(st, p, l)
	if err != nil {
		return nil, err
	}
	if p.Git { // no step before sees it: a commit builds nothing anew
		st = copyTree(st, p, Git)
	}
	st, err = contract(t.join(st), p, t)
	if err != nil {
		return nil, err
	}
	// The id only keeps builds of several clients apart; here each has its engine.
	return st.Marshal(ctx, llb.Platform(platform), llb.LocalUniqueID(p.Name))
}

// system is the base with what installs and the user.
func system(p plan.Plan, l Layers) llb.State {
	st := llb.OCILayout(l.System, llb.OCIStore("", l.Store), llb.WithCustomName("base and package manager"))
	for _, name := range slices.Sorted(maps.Keys(p.Env)) {
		st = st.AddEnv(name, p.Env[name])
	}
	return withUser(st, p, l)
}

// run is one command as the sandbox's user in the workspace.
func run(st llb.State, p plan.Plan, args []string, name string, opts ...llb.RunOption) llb.State {
	opts = append([]llb.RunOption{
		llb.Args(args), llb.Dir(p.Target), llb.User(fmt.Sprintf("%d:%d", p.User.UID, p.User.GID)),
		llb.AddEnv("CI", "true"), llb.AddEnv("NO_COLOR", "1"), llb.WithCustomName(name),
	}, opts...)
	return st.Run(opts...).Root()
}

// contract adds what PID 1 reads. It comes last: another service costs no more
// than this layer.
func contract(st llb.State, p plan.Plan, t tools) (llb.State, error) {
	data, err := spec.Encode(p.Spec)
	if err != nil {
		return llb.State{}, err
	}
	file := llb.Mkdir(path.Dir(spec.Path), 0o755, llb.WithParents(true), llb.WithCreatedTime(epoch)).
		Mkfile(spec.Path, 0o644, data, llb.WithCreatedTime(epoch))
	if p.Receipt.Version != 0 {
		seal, err := receipt.Encode(p.Receipt)
		if err != nil {
			return llb.State{}, err
		}
		file = file.Mkfile(receipt.Path, 0o644, seal, llb.WithCreatedTime(epoch))
	}
	return st.File(t.passed(file), llb.WithCustomName(services)), nil
}

// platformOf reads OS/ARCH.
func platformOf(s string) (ocispecs.Platform, error) {
	osName, arch := path.Split(s)
	if path.Clean(osName) != "linux" || arch == "" {
		return ocispecs.Platform{}, fmt.Errorf("%q is not a platform", s)
	}
	return ocispecs.Platform{OS: "linux", Architecture: arch}, nil
}
