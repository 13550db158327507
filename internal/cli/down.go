package cli

import (
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
A sandbox that does not run is no error.`,
		Example: "  sandwright down\n  sandwright down --sandbox second\n  sandwright down --all",
		Args:    args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			sandboxes, err := a.toStop(cmd, all)
			if err != nil {
				return err
			}
			stopped := []string{}
			for _, sb := range sandboxes {
				if err := sb.Stop(cmd.Context()); err != nil {
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
