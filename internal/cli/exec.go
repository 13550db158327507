package cli

import (
	"errors"
	"path"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sandwright/sandwright/internal/provider"
)

func (a *app) cmdExec() *cobra.Command {
	var e provider.Exec
	var env []string
	cmd := &cobra.Command{
		Use:   "exec CMD [ARG...]",
		Short: "Run a command in the sandbox, as its user, in the workspace",
		Long: `Run a command in the sandbox, as its user, in the workspace. Its exit code
becomes that of sandwright exec. On a terminal it gets one.`,
		Example: "  sandwright exec bash\n  sandwright exec opencode --version\n  sandwright exec --root -- sh -c 'ps aux'",
		Args:    args(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, argv []string) error {
			p, err := a.project()
			if err != nil {
				return err
			}
			sb, err := a.running(cmd.Context())
			if err != nil {
				return err
			}
			if e.Dir != "" && !path.IsAbs(e.Dir) {
				e.Dir = path.Join(p.file.Workspace.Target, e.Dir)
			}
			e.Argv, e.Env = argv, map[string]string{}
			for _, pair := range env {
				name, value, ok := strings.Cut(pair, "=")
				if !ok || name == "" {
					return usage(cmd, errors.New("--env takes NAME=VALUE"))
				}
				e.Env[name] = value
			}
			e.Stdin, e.Stdout, e.Stderr = a.In, a.Out, a.Err
			code, err := sb.Exec(cmd.Context(), e)
			if err != nil {
				return err
			}
			if code != 0 {
				return exitError(code)
			}
			return nil
		},
	}
	cmd.Flags().SetInterspersed(false)
	cmd.Flags().BoolVar(&e.Root, "root", false, "as root instead of the sandbox's user")
	cmd.Flags().StringVarP(&e.Dir, "workdir", "w", "", "folder to start in, absolute or in the workspace (default: the workspace)")
	cmd.Flags().StringArrayVarP(&env, "env", "e", nil, "NAME=VALUE to set for the command")
	return cmd
}
