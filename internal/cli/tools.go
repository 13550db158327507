package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/installed"
	"github.com/sandwright/sandwright/internal/lock"
	"github.com/sandwright/sandwright/internal/provider"
	"github.com/sandwright/sandwright/internal/spec"
)

func (a *app) cmdTools() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "tools",
		Short:   "What stands of the pinned tools in the sandbox",
		Long:    "What stands of the pinned tools in the sandbox.",
		Example: "  sandwright tools verify",
		Args:    args(cobra.ArbitraryArgs),
		RunE:    unknownCommand,
	}
	cmd.AddCommand(a.cmdToolsVerify())
	return cmd
}

func (a *app) cmdToolsVerify() *cobra.Command {
	return &cobra.Command{
		Use:   "verify",
		Short: "Read every file of the tools in the sandbox and compare it with the lock",
		Long: `Read every file of the tools in the sandbox, and compare it with
sandwright.lock: contents, modes, owners, links, and what is there and should
not be. It exits 1 when one differs. sandwright-init in the box does the reading.`,
		Example: "  sandwright tools verify\n  sandwright tools verify --json",
		Args:    args(cobra.NoArgs),
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.toolsVerify(cmd) },
	}
}

func (a *app) toolsVerify(cmd *cobra.Command) error {
	p, err := a.project()
	if err != nil {
		return err
	}
	l, err := lock.Load(a.lockPath(p))
	if err != nil {
		return err
	}
	sb, err := a.running(cmd.Context())
	if err != nil {
		return err
	}
	var out, said bytes.Buffer
	code, err := sb.Exec(cmd.Context(), provider.Exec{Argv: verifyArgs(l, hostPlatform()), Root: true, Stdout: &out, Stderr: &said})
	if err != nil {
		return err
	}
	var sum installed.Summary
	if err := json.Unmarshal(out.Bytes(), &sum); err != nil {
		return fault.Cannot("verify the tools: sandwright-init ended with %d: %s", code, printable(said.String())).
			WithHint("run: sandwright up --recreate")
	}
	return a.showVerified(sum)
}

// verifyArgs ask sandwright-init to hold the box against l, whatever the box's
// own spec says.
func verifyArgs(l *lock.Lock, platform string) []string {
	argv := []string{spec.InitPath, "tools", "verify", "--json"}
	for _, name := range slices.Sorted(maps.Keys(l.Tools)) {
		argv = append(argv, "--want", name+"="+l.Tools[name].Platforms[platform].Tree)
	}
	return argv
}

// showVerified prints what the box has answered, none of which is trusted to
// be fit for a terminal.
func (a *app) showVerified(sum installed.Summary) error {
	var faults fault.List
	for _, t := range sum.Tools {
		for _, f := range t.Faults {
			faults = append(faults, (&fault.Fault{What: printable(f)}).WithHint("see who changed it; sandwright up --recreate starts from what the lock pins"))
		}
		if len(t.Faults) == 0 && !a.json {
			fmt.Fprintf(a.Out, "%s: %d files, %.1f MB, as %s says\n", printable(t.Tool), t.Files, float64(t.Bytes)/1e6, lock.Name)
		}
	}
	if a.json {
		if err := printJSON(a.Out, sum); err != nil {
			return err
		}
		if len(faults) > 0 {
			return exitError(fault.ExitFailed)
		}
		return nil
	}
	return faults.Err()
}
