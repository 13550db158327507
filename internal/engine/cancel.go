package engine

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/moby/buildkit/client"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/opencontainers/go-digest"
)

// The steps of a build that is cancelled have settleDeadline to end at a builder
// elsewhere, and are believed to have when none has run for settleQuiet: a builder
// tells of its steps ten times a second.
const (
	settleDeadline = 10 * time.Second
	settleQuiet    = 500 * time.Millisecond
)

// underWay is what of a build runs.
type underWay struct {
	mu    sync.Mutex
	steps map[digest.Digest]string
	since time.Time // of the last change
}

func (u *underWay) note(s *client.SolveStatus) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, v := range s.Vertexes {
		_, runs := u.steps[v.Digest]
		if now := v.Started != nil && v.Completed == nil; now == runs {
			continue
		} else if now {
			u.steps[v.Digest] = v.Name
		} else {
			delete(u.steps, v.Digest)
		}
		u.since = time.Now()
	}
}

// names lists the steps that run, and says for how long it has been those.
func (u *underWay) names() ([]string, time.Duration) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.Sorted(maps.Values(u.steps)), time.Since(u.since)
}

// settle waits until no step has run for a while, or for as long as it may take,
// and gives those that still run.
func (u *underWay) settle() (left []string) {
	u.mu.Lock()
	u.since = time.Now()
	u.mu.Unlock()
	for end := time.Now().Add(settleDeadline); time.Now().Before(end); time.Sleep(settleQuiet / 10) {
		var quiet time.Duration
		if left, quiet = u.names(); len(left) == 0 && quiet >= settleQuiet {
			return nil
		}
	}
	return left
}

// orderly gives a build of a builder elsewhere a context that outlives ctx until
// the steps have ended that ctx ended, and solve as it must be called in it. For the
// build ends at once where its own context does, whatever runs there. Done must be
// called.
func (e *Engine) orderly(ctx context.Context, running *underWay, solve gateway.BuildFunc) (_ context.Context, _ gateway.BuildFunc, done func()) {
	if e.local != nil && e.backend == backend(e.local) {
		return ctx, solve, func() {} // Close waits for its steps
	}
	outer, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	settled := make(chan struct{})
	var once sync.Once
	settle := func() {
		once.Do(func() {
			defer close(settled)
			e.settle(running)
		})
		<-settled
	}
	stop := context.AfterFunc(ctx, func() {
		settle()
		cancel(context.Cause(ctx))
	})
	inner := func(outer context.Context, c gateway.Client) (*gateway.Result, error) {
		solving, end := context.WithCancelCause(outer)
		defer end(nil)
		defer context.AfterFunc(ctx, func() { end(context.Cause(ctx)) })()
		res, err := solve(solving, c)
		if ctx.Err() != nil {
			settle()
			return nil, context.Cause(ctx)
		}
		return res, err
	}
	return outer, inner, func() { stop(); cancel(nil) }
}

// settle waits for the steps of a cancelled build, and says what has become of
// them where there are some.
func (e *Engine) settle(running *underWay) {
	if names, _ := running.names(); len(names) > 0 {
		e.opts.Progress.Say("waiting until the builder has ended: %s", strings.Join(names, ", "))
		if left := running.settle(); len(left) > 0 {
			e.opts.Progress.Say("the builder has not ended within %s: %s", settleDeadline, strings.Join(left, ", "))
			return
		}
		e.opts.Progress.Say("the builder has ended all steps")
	}
}
