package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sandwright/sandwright/internal/engine"
	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/fetch"
	"github.com/sandwright/sandwright/internal/provider"
)

func (a *app) cmdGC() *cobra.Command {
	var keep string
	cmd := &cobra.Command{
		Use:   "gc",
		Short: "Clear what dead sandboxes left, and what the stores hold over their limit",
		Long: `Clear what sandboxes that were killed left behind, and remove from the engine's
store what no running sandbox uses; --keep leaves of the layers those that were
used last and fit. What running sandboxes hold counts first, and stays.
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
			cleared, err := e.Clear(cmd.Context(), room)
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
			cleared.Freed += more
			if cleared.Left > room {
				a.notices([]string{whatStays(cleared, keep, sandboxes)})
			}
			if a.json {
				return printJSON(a.Out, map[string]int64{"freedBytes": cleared.Freed, "leftBytes": cleared.Left, "heldBytes": cleared.Held,
					"sandboxes": int64(len(sandboxes)), "forgotten": int64(folders)})
			}
			_, err = fmt.Fprintf(a.Out, "freed %s; the layers take %s; %d sandboxes run\n", bytesText(cleared.Freed), bytesText(cleared.Left), len(sandboxes))
			return err
		},
	}
	cmd.Flags().StringVar(&keep, "keep", "", "size that the store of layers may keep, such as 5GB")
	return cmd
}

// whatStays says why there are more layers than keep allows.
func whatStays(c engine.Cleared, keep string, sandboxes []provider.Sandbox) string {
	var users []string
	for _, sb := range sandboxes {
		users = append(users, fmt.Sprintf("%s of %s", sb.Info().Name, sb.Info().Project))
	}
	text := bytesText(c.Left) + " of layers stay"
	if keep != "" {
		text += ", more than --keep " + keep
	}
	if len(users) == 0 {
		return text + ": the build engine uses them; run again: sandwright gc"
	}
	return fmt.Sprintf("%s: %s of them are held by what runs (%s); to free them, run there: sandwright down", text, bytesText(c.Held), strings.Join(users, ", "))
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
