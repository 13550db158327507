package engine

import (
	"context"
	"sync"
	"time"

	"github.com/moby/buildkit/frontend"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/solver"
	"github.com/moby/buildkit/worker"
	"github.com/opencontainers/go-digest"

	"github.com/sandwright/sandwright/internal/fault"
)

// idleDeadline bounds the wait for steps that were told to end.
const idleDeadline = 30 * time.Second

// busy counts the pieces of work that BuildKit does for its steps. A cancelled
// solve returns while they still end and unmount; who closes the engine waits
// for them.
type busy struct {
	mu   sync.Mutex
	work int
	idle chan struct{} // closed while work is 0; nil stands for closed
}

// begin counts a piece of work in; its end must be called once.
func (b *busy) begin() (end func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.work == 0 {
		b.idle = make(chan struct{})
	}
	b.work++
	return b.end
}

func (b *busy) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.work--; b.work == 0 {
		close(b.idle)
	}
}

// wait returns once nothing goes on.
func (b *busy) wait() error {
	b.mu.Lock()
	idle := b.idle
	b.mu.Unlock()
	if idle == nil {
		return nil
	}
	select {
	case <-idle:
		return nil
	case <-time.After(idleDeadline):
		return fault.Cannot("end every step of the build within %s", idleDeadline).WithHint("the next build clears what is left")
	}
}

// ResolveOp gives BuildKit's operations, counted.
func (w *rootfsWorker) ResolveOp(v solver.Vertex, s frontend.FrontendLLBBridge, sm *session.Manager, proxy worker.ProxyOpt) (solver.Op, error) {
	op, err := w.Worker.ResolveOp(v, s, sm, proxy)
	if err != nil {
		return nil, err
	}
	return countedOp{op, &w.busy}, nil
}

type countedOp struct {
	solver.Op
	busy *busy
}

func (o countedOp) Exec(ctx context.Context, job solver.JobContext, inputs []solver.Result) ([]solver.Result, error) {
	defer o.busy.begin()()
	return o.Op.Exec(ctx, job, inputs)
}

// CacheMap also counts what is done with inputs later: unpacking, and digests
// of contents.
func (o countedOp) CacheMap(ctx context.Context, job solver.JobContext, index int) (*solver.CacheMap, bool, error) {
	defer o.busy.begin()()
	m, done, err := o.Op.CacheMap(ctx, job, index)
	if m == nil {
		return m, done, err
	}
	for i := range m.Deps {
		dep := &m.Deps[i]
		if dep.ComputeDigestFunc != nil {
			dep.ComputeDigestFunc = o.digest(dep.ComputeDigestFunc)
		}
		if dep.PreprocessFunc != nil {
			dep.PreprocessFunc = o.preprocess(dep.PreprocessFunc)
		}
	}
	return m, done, err
}

func (o countedOp) digest(f solver.ResultBasedCacheFunc) solver.ResultBasedCacheFunc {
	return func(ctx context.Context, r solver.Result, g session.Group) (digest.Digest, error) {
		defer o.busy.begin()()
		return f(ctx, r, g)
	}
}

func (o countedOp) preprocess(f solver.PreprocessFunc) solver.PreprocessFunc {
	return func(ctx context.Context, r solver.Result, g session.Group) error {
		defer o.busy.begin()()
		return f(ctx, r, g)
	}
}
