package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/sandwright/sandwright/internal/provider"
)

func (a *app) cmdDown() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "down",
		Short: "Stop every service in order, then the sandbox, and leave nothing behind",
		Long: `Stop every service in reverse order of its dependencies, then the sandbox.
Its files, network and logs go with it; built layers stay for the next up.
A sync or an up of the sandbox that is at work ends first, unless Ctrl-C ends the
wait. A sandbox that does not run is no error.`,
		Example: "  sandwright down\n  sandwright down --sandbox second\n  sandwright down --all",
		Args:    args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			sandboxes, err := a.toStop(cmd, all)
			if err != nil {
				return err
			}
			stopped := []string{}
			for _, sb := range sandboxes {
				if err := a.stop(cmd.Context(), sb); err != nil {
					return err
				}
				stopped = append(stopped, sb.Info().Name)
				if !a.json {
					fmt.Fprintf(a.Out, "%s is down\n", sb.Info().Name)
				}
			}
			if a.json {
				return printJSON(a.Out, map[string]any{"stopped": stopped})
			}
			return nil
		},
	}
	cmd.Flags().BoolVarP(&all, "all", "a", false, "every sandbox on this machine")
	return cmd
}

// stop ends a sandbox, or what stands in its place once nobody else changes it.
func (a *app) stop(ctx context.Context, sb provider.Sandbox) error {
	done, err := a.inTurn(ctx, sb.Info().Project, sb.Info().Name)
	switch {
	case ctx.Err() != nil:
		return err
	case err != nil: // such as a full disk, which is no reason to keep a sandbox
		fmt.Fprintf(a.Err, "%s: not waiting for others: %v\n", sb.Info().Name, err)
	default:
		defer done()
		if now, err := a.local().Find(ctx, sb.Info().Project, sb.Info().Name); err == nil {
			sb = now
		}
	}
	return sb.Stop(ctx)
}

// toStop is the project's sandbox if it runs, or all there are.
func (a *app) toStop(cmd *cobra.Command, all bool) ([]provider.Sandbox, error) {
	if all {
		return a.local().List(cmd.Context())
	}
	p, err := a.project()
	if err != nil {
		return nil, err
	}
	sb, err := a.local().Find(cmd.Context(), p.dir, a.sandboxName(p))
	if errors.Is(err, provider.ErrNotFound) {
		return nil, nil
	}
	return []provider.Sandbox{sb}, err
}
