package engine

import (
	"context"

	"github.com/moby/buildkit/client"
)

// An Engine is a BuildKit that is open for building. What it builds for
// sandboxes is unpacked below Options.Root, wherever it is built.
type Engine struct {
	opts    Options
	backend backend
	local   *embedded // unpacks; the backend itself unless that is elsewhere
}

// A backend is the BuildKit that an Engine's builds run in.
type backend interface {
	// client speaks to it until it is closed.
	client() *client.Client
	// export asks for a result that layers can unpack, and fits the job to what
	// this BuildKit can do.
	export(ctx context.Context, j *job) error
	// layers unpacks, below Options.Root, what a job asked by export gave.
	layers(ctx context.Context, j *job, answer map[string]string) ([]Layer, error)
	// close ends it; nothing of it stays in this process.
	close(ctx context.Context) error
}

// Open starts the engine, waiting for another process that has Root open.
// It must be closed, and a process opens one Root at most once: BuildKit keeps
// content hashes of a closed one in memory. Images that inUse does not name
// lose their hold.
func Open(ctx context.Context, opts Options, inUse func() (map[string]bool, error)) (*Engine, error) {
	if opts.MaxBytes == 0 {
		opts.MaxBytes = DefaultMaxBytes
	}
	backend, local, err := openBackend(ctx, opts, inUse)
	if err != nil {
		return nil, err
	}
	return &Engine{opts: opts, backend: backend, local: local}, nil
}

// Cleared says what Clear has done, in bytes.
type Cleared struct {
	Freed int64 // what was removed
	Left  int64 // what the store has now
	Held  int64 // how much of that the images in use stand on
}

// Clear removes what no running sandbox needs, the longest unused first, until
// the store has no more than keep bytes. More than that are left only where
// they are held.
func (e *Engine) Clear(ctx context.Context, keep int64) (Cleared, error) {
	return e.local.clear(ctx, keep)
}

// Close brings the store back to its limit, stops BuildKit and unlocks Root.
func (e *Engine) Close(ctx context.Context) error { return e.backend.close(ctx) }
