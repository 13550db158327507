package cli

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/sandwright/sandwright/internal/config"
	"github.com/sandwright/sandwright/internal/engine"
	"github.com/sandwright/sandwright/internal/fault"
)

func (a *app) cmdBuild() *cobra.Command {
	env := envFlags{scope: []string{config.ScopeBuild}}
	var output string
	cmd := &cobra.Command{
		Use:   "build",
		Short: "Build the image",
		Long: `Build the image. Without --output it stays in the engine's store, where up
finds it; with it, it is also written as a tar.`,
		Example: "  sandwright build\n  sandwright build --output oci:image.tar\n  sandwright build --output docker:image.tar && docker load < image.tar",
		Args:    args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.build(cmd.Context(), env, output)
		},
	}
	env.register(cmd)
	a.engine.register(cmd)
	cmd.Flags().StringVarP(&output, "output", "o", "", "oci:FILE or docker:FILE")
	return cmd
}

func (a *app) build(ctx context.Context, env envFlags, output string) error {
	out, err := parseOutput(output)
	if err != nil {
		return err
	}
	started := time.Now()
	b, err := a.decide(ctx, hostPlatform(), env)
	if err != nil {
		return err
	}
	defer b.tree.Close()
	r, err := a.prepare(ctx, b)
	if err != nil {
		return err
	}
	r.request.Output = out
	res, err := a.solveAlone(ctx, r)
	if err != nil {
		return err
	}
	if a.json {
		return printJSON(a.Out, map[string]any{"image": r.image, "digest": res.Digest, "steps": res.Steps})
	}
	fmt.Fprintf(a.Out, "built %s in %s\n", r.image, short(time.Since(started)))
	if out != nil {
		fmt.Fprintf(a.Out, "wrote %s (%s)\n", out.Path, res.Digest)
	}
	return nil
}

// parseOutput reads TYPE:FILE.
func parseOutput(s string) (*engine.Output, error) {
	if s == "" {
		return nil, nil
	}
	for _, kind := range []string{"oci", "docker"} {
		if path, ok := cutKind(s, kind); ok {
			if info, err := os.Stat(path); err == nil && info.IsDir() {
				return nil, fault.Cannot("write %s: it is a folder", path).WithCode(fault.ExitUsage)
			}
			return &engine.Output{Type: kind, Path: path}, nil
		}
	}
	return nil, fault.Cannot("use output %q: it is neither oci:FILE nor docker:FILE", s).
		WithHint("run: sandwright build --output oci:image.tar").WithCode(fault.ExitUsage)
}
