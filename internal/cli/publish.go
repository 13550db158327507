package cli

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/sandwright/sandwright/internal/config"
	"github.com/sandwright/sandwright/internal/engine"
	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/provider/daytona"
)

// publishFlags are what publish takes.
type publishFlags struct {
	env       envFlags
	image     imageFlags
	platforms []string
	start     string // name of a sandbox
	dryRun    bool
}

func (a *app) cmdPublish() *cobra.Command {
	f := publishFlags{}
	cmd := &cobra.Command{
		Use:   "publish",
		Short: "Push the image under a name of its content, and make a snapshot of it in Daytona",
		Long: `Build the image, push it as publish in sandwright.yaml says, under a tag made of
its content, and make a snapshot in Daytona of it where publish has daytona. The
variables of the scope publish are checked first; nothing is built on a fault. What is
there already is not made again.

Daytona is reached with DAYTONA_API_URL and DAYTONA_API_KEY, which the file declares
with the scope publish. With --start a sandbox is started from the snapshot; the
variables of the scope run reach it in its own field of the request.`,
		Example: "  sandwright publish --dry-run\n  sandwright publish\n  sandwright publish --start agent-1",
		Args:    args(cobra.NoArgs),
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.publish(cmd.Context(), f) },
	}
	f.env.register(cmd)
	a.engine.register(cmd)
	f.image.register(cmd)
	cmd.Flags().StringSliceVar(&f.platforms, "platform", nil, "linux/amd64, linux/arm64 or both (default: that of this machine)")
	cmd.Flags().StringVar(&f.start, "start", "", "name of a sandbox to start in Daytona from the snapshot")
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "say what would be pushed and made, and build nothing")
	complete(cmd, "platform", "linux/amd64", "linux/arm64")
	return cmd
}

// A publication is one run of publish.
type publication struct {
	flags  publishFlags
	file   *config.File
	client *daytona.Client // nil where no snapshot is wanted
	tag    string
	image  string // that the snapshot is made of
}

func (a *app) publish(ctx context.Context, f publishFlags) error {
	if faults := append(checkPlatforms(f.platforms), f.image.check()...); len(faults) > 0 {
		return faults.Err()
	}
	f.env.scope = []string{config.ScopeBuild, config.ScopePublish}
	if f.start != "" {
		f.env.scope = append(f.env.scope, config.ScopeRun)
	}
	proj, err := a.project()
	if err != nil {
		return err
	}
	if err := publishable(proj.file, f); err != nil {
		return err
	}
	platforms := platformsOr(f.platforms)
	b, err := a.decide(ctx, platforms[0], f.env)
	if err != nil {
		return err
	}
	defer b.tree.Close()
	p := publication{flags: f, file: b.project.file}
	if p.file.Publish.Daytona != nil {
		if p.client, err = daytonaClient(b); err != nil {
			return err
		}
		defer p.client.Close()
	}
	recipes, err := a.recipes(ctx, b, platforms, f.image)
	if err != nil {
		return err
	}
	p.tag = contentTag(recipes, pairs(p.file.Image.Annotations, f.image.annotations), f.image)
	if f.dryRun {
		return a.wouldPublish(p)
	}
	return a.publishAll(ctx, p, recipes)
}

// publishable says, before anything else is looked at, what the file lacks.
func publishable(file *config.File, f publishFlags) error {
	to := file.Publish
	var faults fault.List
	switch {
	case to.Registry == "" && to.Daytona == nil:
		faults = append(faults, file.At("publish").Cannot("publish: the file says nowhere to").
			WithHint("add publish: {registry: registry.example.com/team/app}, or run: sandwright build --push"))
	case to.Daytona == nil && f.start != "":
		faults = append(faults, file.At("publish").Cannot("start sandbox %s: publish has no daytona", f.start).WithHint("add it: publish: {daytona: {}}"))
	}
	if to.Daytona != nil {
		faults = append(faults, declaredFor(file, "DAYTONA_API_KEY", true)...)
		faults = append(faults, declaredFor(file, "DAYTONA_API_URL", false)...)
	}
	if f.start != "" && !isTag(f.start) {
		faults = append(faults, fault.Cannot("name a sandbox %q: it is letters, digits, dots, dashes and underscores", f.start).WithCode(fault.ExitUsage))
	}
	return faults.Err()
}

// declaredFor wants a variable with a value, of the scope publish.
func declaredFor(file *config.File, name string, secret bool) fault.List {
	v, ok := file.Env[name]
	like := "{type: url, required: true, scope: publish}"
	if secret {
		like = "{secret: true, required: true, scope: publish}"
	}
	switch {
	case !ok || !v.In(config.ScopePublish):
		return fault.List{file.At("env").Cannot("reach Daytona: %s is not declared with the scope publish", name).WithHint("add to env: %s: %s", name, like)}
	case secret && !v.Secret:
		return fault.List{file.At("env", name).Cannot("reach Daytona: %s is not declared as a secret", name).WithHint("write %s: %s", name, like)}
	case !v.Required && v.Default == nil:
		return fault.List{file.At("env", name).Cannot("reach Daytona: %s is not required, and may be missing", name).WithHint("write %s: %s", name, like)}
	}
	return nil
}

func daytonaClient(b blueprint) (*daytona.Client, error) {
	return daytona.New(daytona.Options{
		URL: b.values.publish["DAYTONA_API_URL"].Text, Key: b.values.publish["DAYTONA_API_KEY"].Text,
		Secrets: b.secrets, CAs: registryCAs(),
	})
}

// contentTag is a tag that stands for what the image is made of: another tag,
// other content.
func contentTag(recipes []recipe, annotations map[string]string, flags imageFlags) string {
	h := sha256.New()
	for _, r := range recipes {
		fmt.Fprintf(h, "%s %s %x\n", r.plan.Platform, r.image, sha256.Sum256(r.config))
	}
	for _, name := range slices.Sorted(maps.Keys(annotations)) {
		fmt.Fprintf(h, "%q=%q\n", name, annotations[name])
	}
	fmt.Fprintln(h, flags.sbom, flags.provenance)
	return "sandwright-" + hex.EncodeToString(h.Sum(nil))[:24]
}

// snapshot is what is made in Daytona of an image. Its name stands for all of it.
func (p publication) snapshot(image string) daytona.Snapshot {
	to := p.file.Publish.Daytona
	s := daytona.Snapshot{Image: image, Entrypoint: entrypoint(), CPU: to.CPU, Memory: to.Memory, Disk: to.Disk, Region: to.Region}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %q %d %d %d %q", p.tag, s.Entrypoint, s.CPU, s.Memory, s.Disk, s.Region))
	s.Name = cmp.Or(to.Name, p.file.Name) + "-" + hex.EncodeToString(sum[:6])
	return s
}

// access says where the image goes, and as whom.
func (p *publication) access(ctx context.Context) ([]string, map[string]engine.Login, error) {
	if p.file.Publish.Registry != "" {
		ref := p.file.Publish.Registry + ":" + p.tag
		p.image = bareNames([]string{ref})[0]
		return []string{ref}, nil, nil
	}
	given, err := p.client.PushAccess(ctx, p.file.Publish.Daytona.Region)
	if err != nil {
		return nil, nil, err
	}
	ref, host, err := placeIn(given, p.file.Name, p.tag)
	p.image = bareNames([]string{ref})[0]
	return []string{ref}, map[string]engine.Login{host: {User: given.Username, Secret: given.Secret}}, err
}
