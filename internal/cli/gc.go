package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/sandwright/sandwright/internal/engine"
	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/fetch"
)

func (a *app) cmdGC() *cobra.Command {
	var keep string
	cmd := &cobra.Command{
		Use:   "gc",
		Short: "Clear what dead sandboxes left, and what the stores hold over their limit",
		Long: `Clear what sandboxes that were killed left behind, and remove from the engine's
store what no running sandbox uses; --keep leaves the layers that were used last.
Tools and bases go where their store holds more than 10 GB, those that were used
longest ago first, and so does what is remembered of folders that are not there
any more or were not used for 90 days. What is removed is made again when it is
needed.`,
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
			more, folders, err := clearKept()
			if err != nil {
				return err
			}
			freed += more
			if a.json {
				return printJSON(a.Out, map[string]int64{"freedBytes": freed, "sandboxes": int64(len(sandboxes)), "forgotten": int64(folders)})
			}
			_, err = fmt.Fprintf(a.Out, "freed %.1f MB; %d sandboxes run\n", float64(freed)/1e6, len(sandboxes))
			return err
		},
	}
	cmd.Flags().StringVar(&keep, "keep", "", "size that the store of layers may keep, such as 5GB")
	return cmd
}

// clearKept clears what is kept beside layers: tools and bases over their limit,
// and what is remembered of folders that nobody uses any more. It gives the bytes
// and how many folders were forgotten.
func clearKept() (freed int64, folders int, err error) {
	freed, folders, err = forget()
	if err != nil {
		return freed, folders, fault.Cannot("forget unused folders: %w", err).WithHint("look whether you may write to %s", home())
	}
	store, err := fetch.OpenStore(storeDir())
	if err != nil {
		return freed, folders, err
	}
	trimmed, err := store.Trim(fetch.DefaultMaxBytes)
	if err != nil {
		return freed, folders, fault.Cannot("clear the store of tools: %w", err).WithHint("look whether you may write to %s", storeDir())
	}
	return freed + trimmed, folders, nil
}
