package local

import (
	"cmp"
	"context"
	"errors"
	"os"
	"os/exec"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/provider"
)

// A Local starts and finds the sandboxes under one state directory.
type Local struct{ options Options }

// New gives the provider; nothing is touched before its first use.
func New(o Options) *Local {
	if len(o.Self) == 0 {
		o.Self = []string{"/proc/self/exe", "shim"}
	}
	o.Runtime = cmp.Or(o.Runtime, "runc")
	return &Local{options: o}
}

// Start implements provider.Provider.
func (l *Local) Start(ctx context.Context, c provider.Config) (provider.Sandbox, error) {
	runtime, err := l.ready(c)
	if err != nil {
		return nil, err
	}
	place := placeOf(l.options.StateDir, c.Project, c.Name)
	if place.held() {
		return nil, alreadyRuns(c)
	}
	if err := place.sweep(); err != nil && !errors.Is(err, errHeld) {
		return nil, fault.Cannot("clear what an earlier sandbox left in %s: %w", place.dir(), err)
	}
	return launch(ctx, l.options.Self, request{Config: c, Place: place, Runtime: runtime})
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
