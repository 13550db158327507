package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/sandwright/sandwright/internal/engine"
	"github.com/sandwright/sandwright/internal/fetch"
	"github.com/sandwright/sandwright/internal/initbin"
	"github.com/sandwright/sandwright/internal/llbgen"
	"github.com/sandwright/sandwright/internal/lock"
	"github.com/sandwright/sandwright/internal/plan"
	"github.com/sandwright/sandwright/internal/spec"
)

// hostPlatform is what local sandboxes run.
func hostPlatform() string { return "linux/" + runtime.GOARCH }

func (a *app) lockPath(p project) string {
	return filepath.Join(filepath.Dir(p.file.Path), lock.Name)
}

// fetcher opens the store and reads npm's configuration.
func (a *app) fetcher(p project) (*fetch.Fetcher, *fetch.Store, *fetch.NPM, error) {
	store, err := fetch.OpenStore(storeDir())
	if err != nil {
		return nil, nil, nil, err
	}
	npm, err := fetch.NPMConfig(filepath.Join(p.dir, p.file.Workspace.Root), os.Environ())
	if err != nil {
		return nil, nil, nil, err
	}
	npm.UseRegistry(p.file.Registries.NPM)
	who, err := vouchings(p)
	if err != nil {
		return nil, nil, nil, err
	}
	return fetch.New(store, npm, a.fetchProgress()).With(settings(p, who)), store, npm, nil
}

// layers brings the base, the tools and PID 1 into the store, side by side,
// and gives what install steps need to reach the registry.
func (a *app) layers(ctx context.Context, b blueprint) (llbgen.Layers, map[string][]byte, error) {
	fetcher, store, npm, err := a.fetcher(b.project)
	if err != nil {
		return llbgen.Layers{}, nil, err
	}
	out := llbgen.Layers{Store: engine.StoreID, Tools: map[string]string{}}
	var base fetch.Ref
	var tools map[string]fetch.Ref
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		base, err = baseLayers(ctx, fetcher, b)
		return err
	})
	group.Go(func() (err error) {
		tools, err = fetcher.ToolLayers(ctx, b.lock.Tools, b.plan.Platform)
		return err
	})
	group.Go(func() error {
		key := "init-" + b.init
		ref, err := store.ProgramOf("sandwright/init", spec.InitPath, key, b.plan.Platform, func() ([]byte, error) {
			return initbin.For(b.plan.Platform)
		})
		out.Init = ref.String()
		return err
	})
	if err := group.Wait(); err != nil {
		return llbgen.Layers{}, nil, err
	}
	// What the install needs is one chain of layers: on it, and on what is built
	// on it, the other tools are laid without touching a file of the chain.
	chain := []fetch.Ref{base}
	for _, t := range b.plan.Tools {
		if t.Use == plan.UseInstall {
			chain = append(chain, tools[t.Name])
		}
		out.Tools[t.Name] = tools[t.Name].String()
	}
	ref, err := store.Stack("base/system", b.plan.Platform, chain...)
	if err != nil {
		return llbgen.Layers{}, nil, err
	}
	out.System = ref.String()
	if err := a.addRunner(ctx, fetcher, b, &out); err != nil {
		return llbgen.Layers{}, nil, err
	}
	secrets, notices := installSecrets(b, npm.Variables())
	a.notices(notices)
	secrets[llbgen.SecretNPMRC] = npm.File()
	secrets[llbgen.SecretCA] = npm.CABundle(os.Environ())
	return out, secrets, nil
}

// baseLayers brings the base: an image, or a system that is bootstrapped.
func baseLayers(ctx context.Context, fetcher *fetch.Fetcher, b blueprint) (fetch.Ref, error) {
	system, platform := b.lock.Base.Systems[b.plan.Platform], b.plan.Platform
	if system.Image != "" {
		return fetcher.ImageLayers(ctx, system, imageSpec(b.project), platform)
	}
	return fetcher.BaseLayer(ctx, system, b.project.file.Base.Debian.Suite, platform)
}

// addRunner brings a base that this machine can run, where that of the image
// is for another one.
func (a *app) addRunner(ctx context.Context, fetcher *fetch.Fetcher, b blueprint, out *llbgen.Layers) error {
	if runnable(b.plan.Platform) {
		return nil
	}
	fmt.Fprintf(a.Err, "notice: %s: the tools are not run to check them: this machine is %s\n", b.plan.Platform, hostPlatform())
	b.plan.Platform = hostPlatform()
	base, err := baseLayers(ctx, fetcher, b)
	out.Runner = llbgen.Runner{Base: base.String(), Platform: hostPlatform()}
	return err
}
