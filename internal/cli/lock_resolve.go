package cli

import (
	"context"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/fetch"
	"github.com/sandwright/sandwright/internal/installed"
	"github.com/sandwright/sandwright/internal/lock"
	"github.com/sandwright/sandwright/internal/workspace"
)

// A resolver pins what a lock does not.
type resolver struct {
	project project
	fetcher *fetch.Fetcher
	store   *fetch.Store
	old     *lock.Lock
	want    lock.Wanted
	specs   map[string]fetch.ToolSpec
	renewed map[string]bool // tools, or base, that are pinned anew

	mu      sync.Mutex
	next    *lock.Lock
	faults  fault.List
	notices []string // of evidence, in no order
}

// parallelLocks is how many downloads are worked on at once.
const parallelLocks = 4

func (a *app) resolver(p project, managers []workspace.Manager, old *lock.Lock, flags lockFlags) (*resolver, error) {
	fetcher, store, _, err := a.fetcher(p)
	if err != nil {
		return nil, err
	}
	r := &resolver{
		project: p, fetcher: fetcher, store: store, old: old, want: wanted(p, managers),
		specs: map[string]fetch.ToolSpec{}, renewed: map[string]bool{},
	}
	who, err := vouchings(p)
	if err != nil {
		return nil, err
	}
	for name, t := range toolsOf(p.file, managers) {
		spec, want := p.toolSpec(t, vouchingOf(who, name, old)), r.want.Tools[name]
		spec.Manager = fetch.ManagerHash{At: managerAt(managers, name), Manager: want.Manager, Hash: want.Hash}
		r.specs[name] = spec
	}
	fetcher.OnNotice(func(text string) { r.keep(nil, func() { r.notices = append(r.notices, text) }) })
	names := flags.names
	if flags.update && len(names) == 0 {
		names = lockable(p)
	}
	for _, name := range names {
		if !slices.Contains(lockable(p), name) {
			f := fault.Cannot("update %s: the file has no such tool", name).WithCode(fault.ExitUsage).WithHint("name one of: %s", strings.Join(lockable(p), ", "))
			if near := fault.Nearest(name, lockable(p)); near != "" {
				f.WithHint("did you mean %s?", near)
			}
			return nil, f
		}
		r.renewed[name] = true
	}
	return r, nil
}

// resolve gives the whole new lock, or every reason why there is none.
func (r *resolver) resolve(ctx context.Context) (*lock.Lock, error) {
	r.next = &lock.Lock{Version: lock.Version, Manager: r.want.Manager, Tools: map[string]lock.Tool{}, Base: lock.Base{
		Source: r.want.Base.Source, Inputs: r.want.Base.Inputs, Systems: map[string]lock.System{},
	}}
	var group errgroup.Group
	group.SetLimit(parallelLocks)
	for _, platform := range r.want.Platforms {
		group.Go(func() error {
			system, err := r.base(ctx, platform)
			r.keep(err, func() { r.next.Base.Systems[platform] = system })
			return nil
		})
	}
	versions := r.versions(ctx)
	for _, name := range slices.Sorted(maps.Keys(versions)) {
		want := r.want.Tools[name]
		r.keep(nil, func() {
			r.next.Tools[name] = lock.Tool{Source: want.Source, Inputs: want.Inputs, Version: versions[name], Platforms: map[string]lock.Artifact{}}
		})
		for _, platform := range r.want.Platforms {
			group.Go(func() error {
				a, err := r.tool(ctx, name, versions[name], platform)
				r.keep(err, func() { r.next.Tools[name].Platforms[platform] = a })
				return nil
			})
		}
	}
	_ = group.Wait() // what went wrong is in faults
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return r.next, r.faults.Err()
}

// keep does work alone, or notes why there is none to do.
func (r *resolver) keep(err error, work func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.faults = append(r.faults, fault.All(err)...)
		return
	}
	work()
}

// versions gives the version of each tool: as pinned, or chosen anew. A tool
// that has none is left out, with a fault.
func (r *resolver) versions(ctx context.Context) map[string]string {
	out := map[string]string{}
	var group errgroup.Group
	group.SetLimit(parallelLocks)
	for name, want := range r.want.Tools {
		if was := r.old.Tools[name]; was.Source == want.Source && was.Version != "" && want.Allows(was.Version) && !r.renewed[name] {
			r.keep(nil, func() { out[name] = was.Version })
			continue
		}
		group.Go(func() error {
			version, err := r.fetcher.ChooseVersion(ctx, name, r.specs[name], r.want.Platforms)
			r.keep(err, func() { out[name] = version })
			return nil
		})
	}
	_ = group.Wait() // what went wrong is in faults
	return out
}

// tool gives one tool for a platform: as pinned, or resolved.
func (r *resolver) tool(ctx context.Context, name, version, platform string) (lock.Artifact, error) {
	was := r.old.Tools[name]
	if r.old.PinsTool(name, r.want.Tools[name], platform) && was.Version == version && !r.renewed[name] {
		return was.Platforms[platform], nil
	}
	spec := r.specs[name]
	spec.Pinned = version
	return r.fetcher.ResolveTool(ctx, name, spec, platform)
}

// base gives the base for a platform: as pinned, or resolved.
func (r *resolver) base(ctx context.Context, platform string) (lock.System, error) {
	if r.old.PinsBase(r.want.Base, platform) && !r.renewed["base"] {
		return r.old.Base.Systems[platform], nil
	}
	if r.project.file.MinimumAge > 0 {
		r.keep(nil, func() { r.notices = append(r.notices, "base: "+fetch.AgelessBase) })
	}
	if debian := r.project.file.Base.Debian; debian.Suite != "" {
		return r.fetcher.ResolveBase(ctx, fetch.BaseSpec{Suite: debian.Suite, Packages: debian.Packages, Security: debian.Security}, platform)
	}
	return r.fetcher.ResolveImage(ctx, imageSpec(r.project), r.old.Base.Systems[platform], platform)
}

// nameFiles adds to what changed the names of the files that did, where the
// store knows what they were.
func (r *resolver) nameFiles(changes []lock.Change) {
	for i, c := range changes {
		for _, platform := range slices.Sorted(maps.Keys(r.next.Tools[c.Name].Platforms)) {
			was, had := r.old.Tools[c.Name].Platforms[platform]
			is := r.next.Tools[c.Name].Platforms[platform]
			if !had || was.Tree == is.Tree {
				continue
			}
			before, known := r.store.Files(was.Tree)
			after, there := r.store.Files(is.Tree)
			switch diff := before.Diff(after, path.Join(installed.ToolsDir, c.Name)+"/"); {
			case !known || !there:
				changes[i].Lines = append(changes[i].Lines, platform+": which files changed is not known: the store has no list of what they were")
			case diff != "":
				changes[i].Lines = append(changes[i].Lines, platform+": "+diff)
			}
		}
	}
}
