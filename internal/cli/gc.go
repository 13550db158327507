package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/sandwright/sandwright/internal/engine"
)

func (a *app) cmdGC() *cobra.Command {
	var keep string
	cmd := &cobra.Command{
		Use:   "gc",
		Short: "Clear what dead sandboxes left, and what the stores hold over their limit",
		Long: `Clear what sandboxes that were killed left behind, and remove from the engine's
store what no running sandbox uses; --keep leaves the layers that were used last.
What is removed is built again when it is needed.`,
		Example: "  sandwright gc\n  sandwright gc --keep 5GB",
		Args:    args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			room, err := storeSize("--keep", keep)
			if err != nil {
				return err
			}
			a.engine.builder = engine.Builder{} // the store is here, wherever builds run
			sandboxes, err := a.local().List(cmd.Context())
			if err != nil {
				return err
			}
			e, err := a.open(cmd.Context())
			if err != nil {
				return err
			}
			freed, err := e.Clear(cmd.Context(), room)
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
	cmd.Flags().StringVar(&keep, "keep", "", "size that the store of layers may keep, such as 5GB")
	return cmd
}
