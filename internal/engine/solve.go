package engine

import (
	"context"

	"github.com/containerd/containerd/v2/core/content"
	contentlocal "github.com/containerd/containerd/v2/plugins/content/local"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/client/llb"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/secrets/secretsprovider"
	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"
)

// A job is a build in the words of BuildKit's client.
type job struct {
	request Request
	opt     client.SolveOpt
	solve   gateway.BuildFunc // in the place of the request alone; may be nil
	names   []string          // of the layers that its result has, the lowest first; may be nil
}

// newJob is a build of r, or of more definitions, with what every build of it is
// given.
func (e *Engine) newJob(ctx context.Context, r Request, more ...*llb.Definition) (*job, error) {
	if err := checkCaches(r, e.opts.Builder); err != nil {
		return nil, err
	}
	store, err := contentlocal.NewStore(e.opts.Layout)
	if err != nil {
		return nil, err
	}
	named, err := readable(ctx, store, append(more, r.Definition)...)
	if err != nil {
		return nil, err
	}
	attached := []session.Attachable{secretsprovider.FromMap(r.Secrets), dockerLogin{logins: r.Logins}}
	agents, err := sshAgents(r.SSH)
	if err != nil {
		return nil, err
	}
	attached = append(attached, agents...)
	return &job{request: r, opt: client.SolveOpt{
		LocalMounts: r.Trees,
		OCIStores:   map[string]content.Store{StoreID: named},
		Session:     attached,
		SharedKey:   "sandwright",
		Internal:    true, // nothing is kept of what its steps say

		CacheImports:  cacheOptions(r.CacheFrom, written),
		FrontendAttrs: map[string]string{}, // the client adds the imports
	}}, nil
}

// Solve builds r and makes its layers present. When ctx ends, every step's
// processes have ended on return. A context that ends with a cause gives that
// cause.
func (e *Engine) Solve(ctx context.Context, r Request) (Result, error) {
	j, err := e.newJob(ctx, r)
	if err != nil {
		return Result{}, err
	}
	if j.names, err = layerNames(ctx, r.Definition.ToPB(), j.opt.OCIStores[StoreID]); err != nil {
		return Result{}, err
	}
	return e.unpack(ctx, j)
}

// unpack builds j and makes its layers present.
func (e *Engine) unpack(ctx context.Context, j *job) (Result, error) {
	if err := e.backend.export(ctx, j); err != nil {
		return Result{}, err
	}
	notices := missingFolders(j.request.CacheFrom)
	answer, steps, err := e.build(ctx, j)
	if err != nil {
		return Result{}, err
	}
	layers, err := e.backend.layers(ctx, j, answer)
	if err == nil {
		err = e.exportCache(ctx, j.request, steps)
	}
	return Result{Image: j.request.Image, Steps: steps, Layers: layers, Notices: append(notices, cacheNotices(steps)...)}, err
}

// result asks for what the job is about: its request, unless it says otherwise.
func (j *job) result(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
	if j.solve != nil {
		return j.solve(ctx, c)
	}
	def, err := withProxy(j.request.Definition.ToPB(), j.request.Proxy)
	if err != nil {
		return nil, err
	}
	return c.Solve(ctx, gateway.SolveRequest{Definition: def, Evaluate: true, CacheImports: cacheImports(c)})
}

// build runs the solve and its display side by side.
func (e *Engine) build(ctx context.Context, j *job) (map[string]string, []Step, error) {
	r, status := j.request, make(chan *client.SolveStatus)
	var answer map[string]string
	var steps []Step
	var told string
	running := &underWay{steps: map[digest.Digest]string{}}
	outer, solve, done := e.orderly(ctx, running, j.result)
	defer done()
	var group errgroup.Group
	group.Go(func() error {
		res, err := e.backend.client().Build(outer, j.opt, "sandwright", solve, status)
		if err == nil {
			answer = res.ExporterResponse
		}
		return err
	})
	group.Go(func() (err error) {
		steps, told, err = e.opts.Progress.follow(ctx, status, r.Hide, running)
		return err
	})
	err := group.Wait()
	if ctx.Err() != nil {
		return nil, nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, nil, e.explain(ctx, r.Hide.Text(err.Error()), told)
	}
	return answer, steps, nil
}
