package cli

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/sandwright/sandwright/internal/spec"
)

func (a *app) cmdPs() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:     "ps",
		Short:   "Show the sandbox's services: state, readiness, pid, port, log file",
		Example: "  sandwright ps\n  sandwright ps --json | jq -r '.services[] | select(.state != \"ready\")'\n  sandwright ps --all",
		Args:    args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if all {
				return a.psAll(cmd)
			}
			sb, err := a.running(cmd.Context())
			if err != nil {
				return err
			}
			v, err := viewOf(cmd.Context(), sb)
			if err != nil {
				return err
			}
			return v.print(a.Out, a.json)
		},
	}
	cmd.Flags().BoolVarP(&all, "all", "a", false, "every sandbox on this machine, a line each")
	return cmd
}

// psAll lists sandboxes, not services.
func (a *app) psAll(cmd *cobra.Command) error {
	sandboxes, err := a.local().List(cmd.Context())
	if err != nil {
		return err
	}
	views := []view{}
	for _, sb := range sandboxes {
		v, err := viewOf(cmd.Context(), sb)
		if err != nil {
			v = newView(sb.Info(), spec.Status{}) // it is ending: still there to be listed
		}
		views = append(views, v)
	}
	if a.json {
		return printJSON(a.Out, views)
	}
	t := tabwriter.NewWriter(a.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "SANDBOX\tREADY\tSERVICES\tPROJECT")
	for _, v := range views {
		fmt.Fprintf(t, "%s\t%t\t%d\t%s\n", v.Sandbox, v.Ready, len(v.Services), v.Project)
	}
	return t.Flush()
}
