package cli

import "github.com/spf13/cobra"

// cmdEnv is the commands about variables, one file each.
func (a *app) cmdEnv() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "env",
		Short:   "Check, explain and describe the environment",
		Example: "  sandwright env check\n  sandwright env explain PORT\n  sandwright env generate markdown",
		Args:    args(cobra.ArbitraryArgs),
		RunE:    unknownCommand,
	}
	cmd.AddCommand(a.cmdEnvCheck(), a.cmdEnvExplain(), a.cmdEnvGenerate(), a.cmdEnvScan())
	return cmd
}
