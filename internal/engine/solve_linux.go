package engine

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/containerd/containerd/v2/core/content"
	contentlocal "github.com/containerd/containerd/v2/plugins/content/local"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/secrets/secretsprovider"
	"golang.org/x/sync/errgroup"
)

// Solve builds r. When ctx ends, every step's processes have ended on return.
// A context that ends with a cause gives that cause.
func (e *Engine) Solve(ctx context.Context, r Request) (Result, error) {
	store, err := contentlocal.NewStore(e.opts.Layout)
	if err != nil {
		return Result{}, err
	}
	out, export, err := openOutput(r)
	if err != nil {
		return Result{}, err
	}
	opt := client.SolveOpt{
		Exports:     []client.ExportEntry{export},
		LocalMounts: r.Trees,
		OCIStores:   map[string]content.Store{StoreID: store},
		Session:     []session.Attachable{secretsprovider.FromMap(r.Secrets)},
		SharedKey:   "sandwright",
		Internal:    true, // nothing is kept of what its steps say
	}
	answer, steps, err := e.build(ctx, r, opt)
	if err := out.finish(err); err != nil {
		return Result{}, err
	}
	res := Result{Image: r.Image, Steps: steps, Digest: answer[exptypes.ExporterImageDigestKey]}
	if r.Output != nil {
		return res, nil
	}
	if err := json.Unmarshal([]byte(answer[layersKey]), &res.Layers); err != nil {
		return Result{}, fmt.Errorf("cannot read the engine's answer: %w", err)
	}
	return res, nil
}

// build runs the solve and its display side by side.
func (e *Engine) build(ctx context.Context, r Request, opt client.SolveOpt) (map[string]string, []Step, error) {
	status := make(chan *client.SolveStatus)
	var answer map[string]string
	var steps []Step
	var told string
	var group errgroup.Group
	group.Go(func() error {
		res, err := e.client.Build(ctx, opt, "sandwright", func(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
			res, err := c.Solve(ctx, gateway.SolveRequest{Definition: r.Definition.ToPB(), Evaluate: true})
			if err == nil && r.Config != nil {
				res.AddMeta(exptypes.ExporterImageConfigKey, r.Config)
			}
			return res, err
		}, status)
		if err == nil {
			answer = res.ExporterResponse
		}
		return err
	})
	group.Go(func() (err error) {
		steps, told, err = e.opts.Progress.follow(ctx, status, r.Hide)
		return err
	})
	err := group.Wait()
	if ctx.Err() != nil {
		return nil, nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, nil, explain(r.Hide.Text(err.Error()), told)
	}
	return answer, steps, nil
}
