package cli

import (
	"context"
	"errors"
	"time"

	"github.com/sandwright/sandwright/internal/control"
	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/provider"
	"github.com/sandwright/sandwright/internal/provider/local"
)

// callDeadline bounds one question to a supervisor.
const callDeadline = 10 * time.Second

// local is the provider of this machine.
func (a *app) local() *local.Local {
	return local.New(local.Options{StateDir: sandboxesDir(), Self: []string{"/proc/self/exe", shimCommand}})
}

// running is the project's sandbox, which must run.
func (a *app) running(ctx context.Context) (provider.Sandbox, error) {
	p, err := a.project()
	if err != nil {
		return nil, err
	}
	sb, err := a.local().Find(ctx, p.dir, a.sandboxName(p))
	if errors.Is(err, provider.ErrNotFound) {
		return nil, fault.Cannot("find a running sandbox called %s of %s", a.sandboxName(p), p.dir).WithHint("run: sandwright up")
	}
	return sb, err
}

// controlOf speaks to the sandbox's supervisor.
func controlOf(sb provider.Sandbox) *control.Client {
	return control.New(sb.Control)
}

// viewOf asks the sandbox how it is.
func viewOf(ctx context.Context, sb provider.Sandbox) (view, error) {
	ctx, cancel := context.WithTimeout(ctx, callDeadline)
	defer cancel()
	status, err := controlOf(sb).Status(ctx)
	if err != nil {
		return view{}, fault.Cannot("ask the supervisor of %s: %w", sb.Info().Name, err).WithHint("run: sandwright down")
	}
	return newView(sb.Info(), status), nil
}
