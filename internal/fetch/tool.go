package fetch

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/lock"
	"golang.org/x/sync/errgroup"
)

// parallel is how many tools are worked on at once.
const parallel = 4

// ToolLayers brings every tool of the lock for one platform into the store,
// several at once, and gives their images by name. All that cannot be used
// are reported together.
func (f *Fetcher) ToolLayers(ctx context.Context, tools map[string]lock.Tool, platform string) (map[string]Ref, error) {
	var mu sync.Mutex
	refs, faults := map[string]Ref{}, fault.List{}
	var g errgroup.Group
	g.SetLimit(parallel)
	for name, tool := range tools {
		g.Go(func() error {
			ref, err := f.ToolLayer(ctx, name, tool, platform)
			mu.Lock()
			defer mu.Unlock()
			refs[name] = ref
			faults = append(faults, fault.All(err)...)
			return nil
		})
	}
	_ = g.Wait() // each error is in faults
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return refs, faults.Err()
}

// ToolLayer brings one tool of the lock into the store and gives its image,
// whose single layer holds the files that the lock pins as Tree. With the
// layer in the store there is no download and no network.
func (f *Fetcher) ToolLayer(ctx context.Context, name string, tool lock.Tool, platform string) (ref Ref, err error) {
	a, ok := tool.Platforms[platform]
	if !ok {
		return Ref{}, fault.Cannot("use tool %s: %s does not pin it for %s", name, lock.Name, platform).WithHint("run: sandwright lock")
	}
	if ref, ok = f.kept(name, tool, platform); ok {
		return ref, nil
	}
	err = f.store.guarded(ctx, a.SHA256, func() error {
		if ref, ok = f.kept(name, tool, platform); ok {
			return nil // another process has brought it in the meantime
		}
		ref, err = f.makeToolLayer(ctx, name, tool, platform)
		return err
	})
	if noSpace(err) {
		err = f.store.full("tool "+name, err)
	}
	return ref, err
}

// makeToolLayer downloads, verifies and unpacks.
func (f *Fetcher) makeToolLayer(ctx context.Context, name string, tool lock.Tool, platform string) (ref Ref, err error) {
	a := tool.Platforms[platform]
	work, what := "tool "+name, a.Package+"@"+a.Version
	f.progress(Event{Name: work, Text: "asking for " + what})
	tarball, got, err := f.locked(name, tool).get(ctx, a, parcel{name: work, what: what, key: a.SHA256, size: a.Size, platform: platform,
		check: func(s sums) error { return pinned(name, what, a, s) }})
	if err != nil {
		return Ref{}, err
	}
	if err := f.vouchedAgain(name, a, tarball, got); err != nil {
		return Ref{}, errors.Join(err, removeIfThere(tarball))
	}
	if err := closureAgain(f.settings.policy(name), a.Closure); err != nil { // before any of it is asked for
		return Ref{}, errors.Join(err, removeIfThere(tarball))
	}
	m := &meter{progress: f.progress, event: Event{Name: work, Text: "unpacking", Total: a.Unpacked}}
	m.flush()
	parts, done, err := f.packages(ctx, tarball, name, &a)
	if err != nil {
		return Ref{}, errors.Join(err, removeIfThere(tarball))
	}
	ref, _, err = f.store.layTool(parts, name, a.Bin, platform, limits{a.Files, a.Unpacked}, whileLive{ctx, m}, asPinned(name, a))
	if err != nil {
		return Ref{}, errors.Join(about(name, what, err), removeIfThere(tarball), done())
	}
	f.progress(Event{Name: work, Text: "verified and unpacked", Finished: true})
	return ref, errors.Join(f.rememberVouched(name, tool.Platforms[platform], tool.Inputs, platform), os.Remove(tarball), done())
}

// asPinned holds what an artifact unpacks to against the lock.
func asPinned(name string, a lock.Artifact) func(laid) error {
	return func(got laid) error {
		if want := (laid{a.Tree, a.Files, a.Unpacked}); got != want {
			return fault.Cannot("use what it unpacks to: that is %s, and %s says %s", got, lock.Name, want).
				WithHint("see who changed the lock, then run: sandwright lock --update %s", name)
		}
		return nil
	}
}

// locked is where a tool of the lock comes from: as the file says, or where
// nothing is known of the file, as the lock does.
func (f *Fetcher) locked(name string, tool lock.Tool) source {
	if spec, ok := f.settings.Tools[name]; ok {
		return f.source(name, spec)
	}
	kind, rest, _ := strings.Cut(tool.Source, ":")
	return f.source(name, map[string]ToolSpec{
		"npm": {NPM: rest}, "github": {GitHub: rest}, "url": {URL: rest}, "oci": {OCI: rest}, "deb": {Deb: rest},
	}[kind])
}

// pinned holds a download against the lock. S may hold the size alone, when
// that settles it.
func pinned(name, pkg string, a lock.Artifact, s sums) error {
	return disagree(s, a, func(what string, got, want any) error {
		return fault.Cannot("use tool %s: %s has %s %v, and %s says %v%s", name, pkg, what, got, lock.Name, want, s.origin()).
			WithHint("see who changed the artifact or the lock, then run: sandwright lock --update %s", name)
	})
}
