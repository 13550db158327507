package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sandwright/sandwright/internal/config"
	"github.com/sandwright/sandwright/internal/engine"
	"github.com/sandwright/sandwright/internal/fault"
)

// buildFlags are what build takes.
type buildFlags struct {
	env       envFlags
	platforms []string
	image     imageFlags
	outputs   []string
	push      []string
	tags      []string
	load      bool
}

// imageFlags say what is in an image beside its files.
type imageFlags struct {
	labels      []string
	annotations []string
	sbom        bool
	provenance  string
}

func (f *imageFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringArrayVar(&f.labels, "label", nil, "NAME=VALUE in the image's config, over the file's")
	flags.StringArrayVar(&f.annotations, "annotation", nil, "NAME=VALUE in the image's manifest, over the file's")
	flags.BoolVar(&f.sbom, "sbom", false, "attach the list of what is in the image, as SPDX, to what is pushed or written as oci")
	flags.StringVar(&f.provenance, "provenance", "", "attach how the image was built, as SLSA provenance: min or max; it has times in it")
	complete(cmd, "provenance", "min", "max")
}

func (a *app) cmdBuild() *cobra.Command {
	f := buildFlags{env: envFlags{scope: []string{config.ScopeBuild}}}
	cmd := &cobra.Command{
		Use:   "build",
		Short: "Build the image, and write, push or load it",
		Long: `Build the image. It stays in the engine's store, where up finds it. With --push
it goes to a registry as well, with --load into the Docker engine of this
machine, and with --output into a file: an OCI image, one that docker load takes,
or the files alone as a tar or folder. In a folder no file is setuid or setgid or has
capabilities, and devices are left out, unless it says privileged=true. The bytes of an image depend on what is in it,
and on nothing of the machine or the time.

A registry on this machine may be without TLS; elsewhere http:// before the name
says so. Credentials are those of docker login. --platform takes several; steps that
would run programs of a platform that this machine cannot run are said before
anything is built.`,
		Example: `  sandwright build
  sandwright build --push registry.example.com/team/app:v1 --tag latest --sbom
  sandwright build --load --tag app:dev
  sandwright build -o image.tar
  sandwright build -o docker:- | docker load
  sandwright build -o type=dir,dest=rootfs`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.build(cmd.Context(), f) },
	}
	f.env.register(cmd)
	a.engine.register(cmd)
	f.image.register(cmd)
	flags := cmd.Flags()
	flags.StringSliceVar(&f.platforms, "platform", nil, "linux/amd64, linux/arm64 or both (default: that of this machine)")
	flags.StringArrayVarP(&f.outputs, "output", "o", nil, "FILE, or type=oci|docker|tar|dir,dest=PATH; - is the standard output")
	flags.StringArrayVar(&f.push, "push", nil, "name of the image in a registry that it is pushed to")
	flags.StringArrayVarP(&f.tags, "tag", "t", nil, "another name of the image, or a tag of the one that is pushed")
	flags.BoolVar(&f.load, "load", false, "load the image into the Docker engine")
	complete(cmd, "platform", "linux/amd64", "linux/arm64")
	return cmd
}

func (a *app) build(ctx context.Context, f buildFlags) error {
	names, outputs, err := f.parse()
	if err != nil {
		return err
	}
	say, write := a.Out, func(_ context.Context, tar io.Reader) error {
		_, err := io.Copy(a.Out, tar)
		return err
	}
	if slices.ContainsFunc(outputs, func(o engine.Output) bool { return o.Path == stdout }) {
		if terminal(a.Out) {
			return fault.Cannot("write an image to a terminal").WithHint("run: sandwright build -o - > image.tar").WithCode(fault.ExitUsage)
		}
		say = a.Err
	}
	started := time.Now()
	platforms := platformsOr(f.platforms)
	g, err := a.gather(ctx, f.env)
	if err != nil {
		return err
	}
	collect()
	o := a.opening(ctx, g.project, len(g.faults) == 0)
	defer o.drop()
	b, err := a.settle(ctx, g, platforms[0])
	if err != nil {
		return err
	}
	defer b.tree.Close()
	recipes, err := a.recipes(ctx, b, platforms, f.image)
	if err != nil {
		return err
	}
	made, err := a.make(ctx, o, recipes, wantedImage{flags: f.image, names: names.in(b.project.file), outputs: outputs, load: f.load, write: write})
	if err != nil {
		return err
	}
	if a.json {
		return printJSON(say, made)
	}
	fmt.Fprintf(say, "built %s in %s\n", made.Image, short(time.Since(started)))
	made.print(say)
	return nil
}

// platformsOr is what is asked for, or this machine's.
func platformsOr(given []string) []string {
	if len(given) == 0 {
		return []string{hostPlatform()}
	}
	return given
}

// A madeImage is what a build has given: its answer in JSON.
type madeImage struct {
	Image   string        `json:"image"`            // identity: equal inputs have equal ones
	Digest  string        `json:"digest,omitempty"` // of what was written or pushed
	Written []string      `json:"written,omitempty"`
	Pushed  []string      `json:"pushed,omitempty"`
	Loaded  []string      `json:"loaded,omitempty"`
	Steps   []engine.Step `json:"steps"`
}

func (m madeImage) print(w io.Writer) {
	for _, path := range m.Written {
		fmt.Fprintf(w, "wrote %s%s\n", path, inParens(m.Digest))
	}
	for _, name := range m.Pushed {
		fmt.Fprintf(w, "pushed %s%s\n", name, inParens(m.Digest))
	}
	if len(m.Loaded) > 0 {
		fmt.Fprintf(w, "loaded %s\n", strings.Join(m.Loaded, ", "))
	}
}

func inParens(text string) string {
	if text == "" {
		return ""
	}
	return " (" + text + ")"
}
