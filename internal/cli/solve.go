package cli

import (
	"context"
	"errors"
	"path"
	"strconv"

	"github.com/tonistiigi/fsutil"

	"github.com/sandwright/sandwright/internal/engine"
	"github.com/sandwright/sandwright/internal/stage"
)

// solve builds, and refuses an image with a secret in it. What it gives is to be
// remembered.
func (a *app) solve(ctx context.Context, e *engine.Engine, r recipe) (engine.Result, error) {
	ctx, request, done := watched(ctx, r)
	defer done(nil)
	res, err := e.Solve(ctx, request)
	a.notices(res.Notices)
	err = r.notLeft(err)
	if err == nil {
		err = checkLayers(ctx, r.leaks, res.Layers)
		if err != nil { // it may be in what a file was when its layer was made
			err = errors.Join(err, r.source.Forget())
		}
	}
	return res, err
}

// notLeft says of an output that a step has not left where it is asked for.
func (b blueprint) notLeft(err error) error {
	var missing engine.NotLeftError
	if !errors.As(err, &missing) {
		return err
	}
	for i, s := range b.plan.Build {
		for j, out := range s.Outputs {
			if path.Join(b.plan.Target, out) == missing.Path {
				return b.project.file.At("workspace", "build", strconv.Itoa(i), "outputs", strconv.Itoa(j)).
					Cannot("find the output %s: the step has not left it", out).WithHint("name what the step writes: %s", engine.LayerName(s.Name()))
			}
		}
	}
	return err
}

// watched is the recipe's request under a context that ends when a tree cannot
// be read to its end, because a file changed or went away, with that as its
// cause. Done must be called.
func watched(ctx context.Context, r recipe) (_ context.Context, _ engine.Request, done context.CancelCauseFunc) {
	ctx, fail := context.WithCancelCause(ctx)
	request := r.request
	request.Trees = map[string]fsutil.FS{}
	for name, tree := range r.request.Trees {
		request.Trees[name] = stage.FailWith(tree, fail)
	}
	return ctx, request, fail
}
