package fetch

import (
	"context"
	"errors"
	"io"
	"os"
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
// whose single layer has the sha256 that the lock pins as Tree. With the
// layer in the store there is no download and no network.
func (f *Fetcher) ToolLayer(ctx context.Context, name string, tool lock.Tool, platform string) (Ref, error) {
	a, ok := tool.Platforms[platform]
	if !ok {
		return Ref{}, fault.Cannot("use tool %s: %s does not pin it for %s", name, lock.Name, platform).WithHint("run: sandwright lock")
	}
	if _, ok := f.store.size(a.Tree); !ok {
		err := f.store.guarded(ctx, a.Tree, func() error { return f.makeToolLayer(ctx, name, a) })
		if err != nil {
			return Ref{}, err
		}
	}
	ref, err := f.store.image("tool/"+name, a.Tree, platform)
	if err != nil {
		return Ref{}, fault.Cannot("keep tool %s: %w", name, err)
	}
	return ref, nil
}

// makeToolLayer downloads, verifies and unpacks what another process has not
// brought here in the meantime.
func (f *Fetcher) makeToolLayer(ctx context.Context, name string, a lock.Artifact) (err error) {
	if _, ok := f.store.size(a.Tree); ok {
		return nil
	}
	work := "tool " + name
	f.progress(Event{Name: work, Text: "asking for " + a.Package + "@" + a.Version})
	r, err := f.release(ctx, a.Package, a.Version, work)
	if err != nil {
		return err
	}
	tarball, _, err := f.fromRegistry(ctx, r, parcel{name: work, what: r.String(), key: a.SHA256, size: a.Size,
		check: func(s sums) error { return f.pinned(name, r, a, s) }})
	if err != nil {
		return err
	}
	f.progress(Event{Name: work, Text: "unpacking"})
	if err := f.unpackTool(tarball, name, a); err != nil {
		return about(name, r.String(), err)
	}
	f.progress(Event{Name: work, Text: "verified and unpacked", Finished: true})
	return os.Remove(tarball)
}

func (f *Fetcher) unpackTool(tarball, name string, a lock.Artifact) (err error) {
	in, err := os.Open(tarball)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	write := func(w io.Writer) error {
		got, err := writeToolLayer(w, in, name, a)
		if err == nil && (got.files != a.Files || got.bytes != a.Unpacked) {
			return fault.Cannot("use what it unpacks to: that has %d files of %d bytes, and %s says %d of %d", got.files, got.bytes, lock.Name, a.Files, a.Unpacked).
				WithHint("see who changed the lock, then run: sandwright lock --update %s", name)
		}
		return err
	}
	_, err = f.store.put(write, func(sum string) error {
		if sum != a.Tree {
			return fault.Cannot("use what it unpacks to: that has sha256 %s, and %s says %s", sum, lock.Name, a.Tree).
				WithHint("see who changed the lock, then run: sandwright lock --update %s", name)
		}
		return nil
	})
	return err
}

// pinned holds a download against the lock. S may hold the size alone, when
// that settles it.
func (f *Fetcher) pinned(name string, r release, a lock.Artifact, s sums) error {
	var what, got, want any
	switch {
	case s.size != a.Size:
		what, got, want = "size", s.size, a.Size
	case s.sha256 != a.SHA256:
		what, got, want = "sha256", s.sha256, a.SHA256
	case s.sha512 != a.SHA512:
		what, got, want = "sha512", s.sha512, a.SHA512
	default:
		return nil
	}
	at := r.Dist.Tarball
	if urls, err := f.tarballs(r); err == nil {
		at = bare(urls[0])
	}
	return fault.Cannot("use tool %s: %s has %s %v, and %s says %v (%s)", name, r, what, got, lock.Name, want, at).
		WithHint("see who changed the artifact or the lock, then run: sandwright lock --update %s", name)
}
