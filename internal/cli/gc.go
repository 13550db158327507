package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
)

func (a *app) cmdGC() *cobra.Command {
	return &cobra.Command{
		Use:   "gc",
		Short: "Clear what dead sandboxes left, and what the stores hold over their limit",
		Long: `Clear what sandboxes that were killed left behind, and remove from the engine's
store what no running sandbox uses and what is over its limit. What is removed
is built again when it is needed.`,
		Example: "  sandwright gc",
		Args:    args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			sandboxes, err := a.local().List(cmd.Context())
			if err != nil {
				return err
			}
			e, err := a.open(cmd.Context())
			if err != nil {
				return err
			}
			freed, err := e.Clear(cmd.Context())
			if closeErr := e.Close(context.WithoutCancel(cmd.Context())); err == nil {
				err = closeErr
			}
			if err != nil {
				return err
			}
			if a.json {
				return printJSON(a.Out, map[string]int64{"freedBytes": freed, "sandboxes": int64(len(sandboxes))})
			}
			_, err = fmt.Fprintf(a.Out, "freed %.1f MB; %d sandboxes run\n", float64(freed)/1e6, len(sandboxes))
			return err
		},
	}
}
