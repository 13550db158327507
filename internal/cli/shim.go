package cli

import (
	"github.com/spf13/cobra"

	"github.com/sandwright/sandwright/internal/provider/local"
)

// shimCommand is how this binary starts itself to look after one sandbox.
const shimCommand = "shim"

func (a *app) cmdShim() *cobra.Command {
	return &cobra.Command{
		Use:    shimCommand,
		Short:  "Look after one sandbox; started by up",
		Hidden: true,
		Args:   args(cobra.NoArgs),
		RunE:   func(cmd *cobra.Command, _ []string) error { return local.RunShim(cmd.Context()) },
	}
}
