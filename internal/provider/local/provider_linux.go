package local

import (
	"cmp"
	"context"
	"errors"
	"os"
	"os/exec"
	"sync"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/provider"
)

// A Local starts and finds the sandboxes under one state directory.
type Local struct {
	options Options
	mu      sync.Mutex
	warm    *waiting // nil: none
}

// New gives the provider; nothing is touched before its first use.
func New(o Options) *Local {
	if len(o.Self) == 0 {
		o.Self = []string{"/proc/self/exe", "shim"}
	}
	o.Runtime = cmp.Or(o.Runtime, "runc")
	return &Local{options: o}
}

// Warm starts the process that the next Start takes, which would otherwise wait
// for it. Cool must be called.
func (l *Local) Warm() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.warm == nil && os.Geteuid() == 0 {
		l.warm, _ = spawn(l.options.Self) // Start tries again, and says why not
	}
}

// Cool ends what Warm started and no Start took.
func (l *Local) Cool() {
	if w := l.taken(); w != nil {
		w.drop()
	}
}

func (l *Local) taken() *waiting {
	l.mu.Lock()
	defer l.mu.Unlock()
	w := l.warm
	l.warm = nil
	return w
}

// Start implements provider.Provider.
func (l *Local) Start(ctx context.Context, c provider.Config) (provider.Sandbox, error) {
	req, err := l.request(c)
	if err != nil {
		return nil, err
	}
	return l.start(ctx, req)
}

// request decides all that can be decided while an older sandbox runs.
func (l *Local) request(c provider.Config) (req request, err error) {
	runtime, err := l.ready(c)
	if err != nil {
		return req, err
	}
	req = request{Config: c, Place: placeOf(l.options.StateDir, c.Project, c.Name), Runtime: runtime, Edits: len(c.Rootfs.Edits)}
	if req.Laid, req.contents, err = stack(c.Rootfs.Lower).lay(c.Rootfs.Edits, c.User); err == nil {
		err = room(l.options.StateDir, req.Laid)
	}
	return req, err
}

// start takes the shim that waits, or one that it starts.
func (l *Local) start(ctx context.Context, req request) (_ provider.Sandbox, err error) {
	c, place := req.Config, req.Place
	if place.held() {
		return nil, alreadyRuns(c)
	}
	if err := place.sweep(); err != nil && !errors.Is(err, errHeld) {
		return nil, fault.Cannot("clear what an earlier sandbox left in %s: %w", place.dir(), err)
	}
	shim := l.taken()
	if shim == nil {
		if shim, err = spawn(l.options.Self); err != nil {
			return nil, fault.Cannot("start a sandbox: %w", err)
		}
	}
	return shim.launch(ctx, req)
}

// Replace is Start in the place of old, a sandbox of the same project and name. Of old
// all is gone when it returns but its shim, which may be about to end.
func (l *Local) Replace(ctx context.Context, old provider.Sandbox, c provider.Config) (provider.Sandbox, error) {
	req, err := l.request(c)
	if err != nil {
		return nil, err
	}
	stop := old.Stop
	if s, ok := old.(*sandbox); ok {
		stop = func(ctx context.Context) error { return s.stop(ctx, func() bool { return !s.place.held() }) }
	}
	if err := stop(ctx); err != nil {
		return nil, err
	}
	return l.start(ctx, req)
}

// Find implements provider.Provider.
func (l *Local) Find(_ context.Context, project, name string) (provider.Sandbox, error) {
	place := placeOf(l.options.StateDir, project, name)
	rec, err := place.running()
	if err != nil {
		return nil, err
	}
	return newSandbox(place, rec), nil
}

// List implements provider.Provider.
func (l *Local) List(ctx context.Context) ([]provider.Sandbox, error) {
	places, err := places(l.options.StateDir)
	if err != nil {
		return nil, fault.Cannot("list sandboxes: %w", err)
	}
	var found []provider.Sandbox
	for _, place := range places {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if rec, err := place.running(); err == nil {
			found = append(found, newSandbox(place, rec))
		} else if err := place.sweep(); err != nil && !errors.Is(err, errHeld) {
			return nil, fault.Cannot("clear what a dead sandbox left in %s: %w", place.dir(), err)
		}
	}
	return found, nil
}

// ready gives the path of the runtime, or every reason why c cannot be
// started here.
func (l *Local) ready(c provider.Config) (string, error) {
	var faults fault.List
	add := func(f *fault.Fault) { faults = append(faults, f) }
	if os.Geteuid() != 0 {
		add(fault.Cannot("start a sandbox: it takes root to mount its file system").WithHint("run: sudo sandwright up"))
	}
	runtime, err := exec.LookPath(l.options.Runtime)
	if err != nil {
		add(fault.Cannot("start a sandbox: cannot find %s", l.options.Runtime).WithHint("run: apt-get install runc"))
	}
	if f := provider.CheckName(c.Name); f != nil {
		add(f)
	}
	if len(c.Rootfs.Lower) == 0 {
		add(fault.Cannot("start a sandbox: its image has no layers"))
	}
	for _, dir := range c.Rootfs.Lower {
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			add(fault.Cannot("start a sandbox: its layer %s is no directory", dir).WithHint("run: sandwright build"))
		}
	}
	return runtime, faults.Err()
}

func alreadyRuns(c provider.Config) error {
	return fault.Cannot("start sandbox %q of %s: %w", c.Name, c.Project, provider.ErrRunning).
		WithHint("run: sandwright down")
}
