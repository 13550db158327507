package cli

import (
	"context"
	"io"

	"github.com/tonistiigi/fsutil"

	"github.com/sandwright/sandwright/internal/engine"
	"github.com/sandwright/sandwright/internal/stage"
)

// solve builds, and refuses an image with a secret in it. A tree that cannot be
// read to its end, because a file changed or went away, ends the build with
// that as its cause.
func solve(ctx context.Context, e *engine.Engine, r recipe) (engine.Result, error) {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	trees := map[string]fsutil.FS{}
	for name, tree := range r.request.Trees {
		trees[name] = stage.FailWith(tree, fail)
	}
	request := r.request
	request.Trees, request.Output = trees, nil
	res, err := e.Solve(ctx, request)
	if err == nil {
		err = checkLayers(ctx, r.leaks, res.Layers)
	}
	if err != nil || r.request.Output == nil {
		return res, err
	}
	// All is in the cache by now, and only written.
	out := *r.request.Output
	out.Check = func(tar io.Reader) error { return checkArchive(r.leaks, tar) }
	request.Output = &out
	return e.Solve(ctx, request)
}

// solveAlone builds, and leaves the engine closed.
func (a *app) solveAlone(ctx context.Context, r recipe) (res engine.Result, err error) {
	e, err := a.open(ctx)
	if err != nil {
		return res, err
	}
	defer func() {
		if closeErr := e.Close(context.WithoutCancel(ctx)); err == nil {
			err = closeErr
		}
	}()
	return solve(ctx, e, r)
}
