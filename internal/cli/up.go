package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/sandwright/sandwright/internal/engine"
	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/provider"
	"github.com/sandwright/sandwright/internal/provider/local"
	"github.com/sandwright/sandwright/internal/spec"
)

// upFlags are what up takes.
type upFlags struct {
	env        envFlags
	publish    []string
	publishAll bool
	recreate   bool
}

func (a *app) cmdUp() *cobra.Command {
	var f upFlags
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Build what changed, start the sandbox, and wait until every service is ready",
		Long: `Build what changed, start the sandbox, and wait until every service is ready.
It ends with a table of the services. When a service cannot become ready, up
says which and why, and exits 1; the sandbox stays, for its logs. Ctrl-C stops it. A
sandbox that already runs what would be built is left as it is; a changed secret
alone needs --recreate. Edited files that no command of the build reads are put
over the image that runs, and no layer is made for them: sandwright build does.`,
		Example: "  sandwright up\n  sandwright up --env LOG_LEVEL=debug\n  sandwright up --sandbox second --publish-all\n  sandwright up --publish 13000:3000",
		Args:    args(cobra.NoArgs),
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.up(cmd.Context(), f) },
	}
	f.env.register(cmd)
	a.engine.register(cmd)
	cmd.Flags().StringArrayVarP(&f.publish, "publish", "p", nil, "HOST:BOX, a port of the box on 127.0.0.1, over the file's")
	cmd.Flags().BoolVarP(&f.publishAll, "publish-all", "P", false, "publish the file's ports on any free ports")
	cmd.Flags().BoolVar(&f.recreate, "recreate", false, "start anew even when nothing changed")
	return cmd
}

func (a *app) up(ctx context.Context, f upFlags) error {
	a.loose = true
	g, err := a.gather(ctx, f.env)
	if err != nil {
		return err
	}
	ports, err := portsOf(g.project.file, f)
	g.faults = append(g.faults, fault.All(err)...)
	print, printErr := g.print(ctx)
	collect()
	revision := revision(print, g.values, ports)
	l := a.local()
	old, _ := l.Find(ctx, g.project.dir, a.sandboxName(g.project))
	if printErr == nil && !f.recreate && old != nil && current(ctx, old, provider.Config{Revision: revision}) {
		return a.stays(ctx, g, old)
	}
	editable := old != nil && !f.recreate && !a.exportsCache(g.project.file)
	o := a.opening(ctx, g.project, len(g.faults) == 0 && !editable)
	defer o.drop()
	l.Warm()
	defer l.Cool()
	b, err := a.settle(ctx, g, hostPlatform())
	if err != nil {
		return err
	}
	defer b.tree.Close()
	a.noticesOf(b.tree)
	if printErr != nil {
		return printErr
	}
	d, err := a.draw(ctx, b)
	if err != nil {
		return err
	}
	config := a.sandboxConfig(d, ports, f.env)
	config.Revision = revision
	if editable {
		if sb, err := a.edit(ctx, l, d, config); sb != nil || err != nil {
			return a.await(ctx, sb, err)
		}
	}
	r, err := a.finish(ctx, d)
	if err != nil {
		return err
	}
	config.Image = r.image
	e, err := o.take()
	if err != nil {
		return err
	}
	sb, closed, err := a.launch(ctx, e, l, r, config, f.recreate)
	return errors.Join(a.await(ctx, sb, err), closed())
}

// await is finishUp of a sandbox that has been started, or has not, and ends with ctx.
func (a *app) await(ctx context.Context, sb provider.Sandbox, err error) error {
	if err != nil {
		return err
	}
	err = a.finishUp(ctx, sb)
	if ctx.Err() != nil {
		stopCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		err = errors.Join(err, sb.Stop(stopCtx))
	}
	return err
}

// stays is up of a sandbox that runs what it should. Nothing else is decided.
func (a *app) stays(ctx context.Context, g *gathering, sb provider.Sandbox) error {
	defer g.drop()
	if repo, err := g.ask(); err == nil {
		a.notices(repo.metadata.Notices)
	}
	if err := revive(ctx, sb); err != nil {
		return err
	}
	return a.finishUp(ctx, sb)
}

// current tells whether a sandbox runs all of what would be started.
func current(ctx context.Context, sb provider.Sandbox, c provider.Config) bool {
	return sb.Info().Revision == c.Revision && !isSynced(sb.Info()) && !failed(ctx, sb)
}

// failed tells whether the sandbox has a service that will not become ready,
// or cannot even say so: asking for it again means starting it anew.
func failed(ctx context.Context, sb provider.Sandbox) bool {
	ctx, cancel := context.WithTimeout(ctx, callDeadline)
	defer cancel()
	status, err := controlOf(sb).Status(ctx)
	return err != nil || status.Failed
}

// revive starts the services that somebody stopped: up means all of them.
func revive(ctx context.Context, sb provider.Sandbox) error {
	client := controlOf(sb)
	status, err := client.Status(ctx)
	for _, s := range status.Services {
		if err == nil && s.State == spec.StateStopped {
			_, err = client.Start(ctx, s.Name)
		}
	}
	return err
}

// sandboxConfig says what is to run, but for its image and revision.
func (a *app) sandboxConfig(r drawing, ports []provider.Port, flags envFlags) provider.Config {
	return provider.Config{
		Project: r.project.dir,
		Name:    a.sandboxName(r.project),
		Env:     r.plan.Env,
		Values:  r.values.run,

		SecretFiles: r.secretFiles(flags),
		User:        r.plan.User,
		Dir:         r.plan.Target,
		Ports:       ports,
	}
}

// revision is a hash of all that a running sandbox was started from, of the image
// what print says. Secrets are not in it: a changed secret needs --recreate.
func revision(print string, v values, ports []provider.Port) string {
	data, err := json.Marshal(struct {
		Print  string
		Values map[string]string
		Ports  []provider.Port
	}{print, v.shown, ports})
	if err != nil {
		panic(err) // strings and numbers always encode
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// launch builds and starts. The engine stays open until the sandbox runs, so
// that nobody else's garbage collection comes between the two; then it is closed
// beside what follows, and closed, which must be called, waits for that.
func (a *app) launch(ctx context.Context, e *engine.Engine, l *local.Local, r recipe, c provider.Config, recreate bool) (sb provider.Sandbox, closed func() error, err error) {
	sb, err = a.replace(ctx, e, l, r, c, recreate)
	ended := make(chan error, 1)
	go func() { ended <- e.Close(context.WithoutCancel(ctx)) }()
	return sb, func() error { return <-ended }, err
}

// replace builds, and starts the result in the place of what runs.
func (a *app) replace(ctx context.Context, e *engine.Engine, l *local.Local, r recipe, c provider.Config, recreate bool) (sb provider.Sandbox, err error) {
	res, err := a.solve(ctx, e, r)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, remember(ctx, r, res)) }() // once it runs
	c.Rootfs = provider.Rootfs{Lower: res.Lower()}
	old, done, err := a.oldInTurn(ctx, l, c)
	if err != nil {
		return nil, err
	}
	defer done()
	switch {
	case old == nil:
		sb, err = l.Start(ctx, c)
	case !recreate && current(ctx, old, c):
		return old, nil
	default:
		fmt.Fprintf(a.Err, "%s: replacing what runs\n", c.Name)
		sb, err = l.Replace(ctx, old, c)
	}
	if err != nil {
		return nil, err
	}
	return sb, rememberSandbox(ctx, r.drawing, sb.Info())
}

// finishUp waits until all services are ready, or some cannot become so, and
// prints the table. Either way the sandbox then lives on: the logs of one that
// failed are what its user needs next.
func (a *app) finishUp(ctx context.Context, sb provider.Sandbox) error {
	status, err := waitReady(ctx, controlOf(sb), a.Err)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if keepErr := sb.Keep(); keepErr != nil || status.Services == nil {
		return errors.Join(err, keepErr)
	}
	if printErr := newView(sb.Info(), status).print(a.Out, a.json); printErr != nil {
		return printErr
	}
	return err
}
