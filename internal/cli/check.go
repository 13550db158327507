package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/stage"
)

func (a *app) cmdCheck() *cobra.Command {
	var env envFlags
	cmd := &cobra.Command{
		Use:     "check",
		Short:   "Check the file, the environment, the tree, the workspace and the lock",
		Long:    "Check everything that can be checked without the network, and report every\nfault at once. Nothing is built or changed.",
		Example: "  sandwright check\n  sandwright check --json",
		Args:    args(cobra.NoArgs),
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.check(cmd.Context(), env) },
	}
	env.register(cmd)
	return cmd
}

func (a *app) check(ctx context.Context, env envFlags) error {
	b, err := a.decide(ctx, hostPlatform(), env)
	if err == nil {
		defer b.tree.Close()
	}
	if b.lock != nil {
		err = append(fault.All(err), fault.All(b.project.vouched(b.lock))...).Err()
	}
	if err != nil {
		return err
	}
	for _, notice := range b.tree.Notices() {
		fmt.Fprintln(a.Err, "notice:", notice)
	}
	a.notices(blocked(b.workspace, b.project.file))
	if a.json {
		return printJSON(a.Out, map[string]any{
			"ok": true, "services": serviceNames(b.project.file), "tools": len(b.plan.Tools),
			"packages": len(b.workspace.Packages), "files": files(b.tree.Entries()),
		})
	}
	_, err = fmt.Fprintf(a.Out, "%s is fine: %d services, %d tools, %d workspace packages, %d files\n",
		b.project.file.Path, len(b.plan.Spec.Services), len(b.plan.Tools), len(b.workspace.Packages), files(b.tree.Entries()))
	return err
}

// files counts what is no folder.
func files(entries []stage.Entry) (n int) {
	for _, e := range entries {
		if e.Kind != stage.Dir {
			n++
		}
	}
	return n
}
