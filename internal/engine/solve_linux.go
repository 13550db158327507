package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/containerd/containerd/v2/core/content"
	contentlocal "github.com/containerd/containerd/v2/plugins/content/local"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/secrets/secretsprovider"
	"golang.org/x/sync/errgroup"

	"github.com/sandwright/sandwright/internal/fault"
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

// An output is the file that an export is written to, under a temporary name
// until it is whole.
type output struct {
	file *os.File
	*Output
}

// openOutput says what BuildKit is to export.
func openOutput(r Request) (*output, client.ExportEntry, error) {
	if r.Output == nil {
		return &output{}, client.ExportEntry{Type: exporterRootfs, Attrs: map[string]string{"image": r.Image}}, nil
	}
	f, err := os.CreateTemp(filepath.Dir(r.Output.Path), ".sandwright-image-*")
	if err != nil {
		return nil, client.ExportEntry{}, fault.Cannot("write %s: %w", r.Output.Path, err)
	}
	return &output{f, r.Output}, client.ExportEntry{
		Type:   r.Output.Type,
		Attrs:  map[string]string{"rewrite-timestamp": "true", "source-date-epoch": "0"},
		Output: func(map[string]string) (io.WriteCloser, error) { return keepOpen{f}, nil },
	}, nil
}

// finish gives the file its name, or removes it when the build failed.
func (o *output) finish(err error) error {
	if o.file == nil {
		return err
	}
	if err == nil && o.Check != nil {
		_, err = o.file.Seek(0, io.SeekStart)
		err = errors.Join(err, o.Check(o.file))
	}
	if err == nil {
		err = o.file.Sync()
	}
	err = errors.Join(err, o.file.Close())
	if err == nil {
		err = os.Rename(o.file.Name(), o.Path)
	}
	if err != nil {
		_ = os.Remove(o.file.Name())
	}
	return err
}

// keepOpen leaves closing to finish, which has to sync first.
type keepOpen struct{ *os.File }

func (keepOpen) Close() error { return nil }
