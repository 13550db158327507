package cli

import (
	"cmp"
	"context"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/moby/buildkit/util/archutil"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"

	"github.com/sandwright/sandwright/internal/config"
	"github.com/sandwright/sandwright/internal/dockerhost"
	"github.com/sandwright/sandwright/internal/engine"
	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/fetch"
	"github.com/sandwright/sandwright/internal/initbin"
	"github.com/sandwright/sandwright/internal/leak"
	"github.com/sandwright/sandwright/internal/llbgen"
	"github.com/sandwright/sandwright/internal/plan"
	"github.com/sandwright/sandwright/internal/sbom"
)

// A wantedImage is what is to become of the images that are built.
type wantedImage struct {
	flags   imageFlags
	names   imageNames
	outputs []engine.Output
	load    bool
	write   func(context.Context, io.Reader) error // to the standard output
	// access names where to push once all is built, and as whom; nil: names are all.
	access func(context.Context) (refs []string, logins map[string]engine.Login, err error)
}

// forPlatforms gives the blueprint for each platform. What this machine cannot
// run is said here, for all of them.
func (b blueprint) forPlatforms(platforms []string) ([]blueprint, error) {
	var all []blueprint
	var faults fault.List
	for i, p := range slices.Compact(slices.Sorted(slices.Values(platforms))) {
		one := b
		if i > 0 || p != b.plan.Platform {
			made, err := plan.Make(b.inputs(p))
			if err != nil {
				faults = append(faults, fault.All(err)...)
				continue
			}
			one.plan, one.init = made, initbin.Sum(p)
			one.source.into(&one.plan)
		}
		faults = append(faults, one.foreign()...)
		all = append(all, one)
	}
	return all, faults.Err()
}

// foreign says which steps would run programs that this machine cannot run.
func (b blueprint) foreign() fault.List {
	if runnable(b.plan.Platform) {
		return nil
	}
	steps := llbgen.Programs(b.plan)
	if _, system := b.lock.Base.Systems[b.plan.Platform]; !system {
		return fault.List{fault.Cannot("build for %s: sandwright.lock has no base for it", b.plan.Platform).
			WithHint("add it to platforms, then run: sandwright lock")}
	}
	if b.lock.Base.Systems[b.plan.Platform].Image == "" {
		steps = append([]string{"the base of Debian packages"}, steps...)
	}
	if len(steps) == 0 {
		return nil
	}
	return fault.List{fault.Cannot("build for %s on this %s machine, which cannot run its programs: %s would run some",
		b.plan.Platform, hostPlatform(), strings.Join(steps, ", ")).
		WithHint("build on such a machine, or install an emulator (on Debian: qemu-user-static)")}
}

// runnable tells whether the kernel runs programs of a platform, itself or with
// an emulator.
func runnable(platform string) bool {
	return platform == hostPlatform() || slices.ContainsFunc(archutil.SupportedPlatforms(false), func(p ocispecs.Platform) bool {
		return p.OS+"/"+p.Architecture == platform
	})
}

// recipes plans b for every platform, and prepares what is to be built for each.
func (a *app) recipes(ctx context.Context, b blueprint, platforms []string, flags imageFlags) (recipes []recipe, err error) {
	all, err := b.forPlatforms(platforms)
	if err != nil {
		return nil, err
	}
	a.noticesOf(b.tree)
	for _, b := range all {
		b.labels = pairs(b.project.file.Image.Labels, flags.labels)
		r, err := a.prepare(ctx, b)
		if err != nil {
			return nil, err
		}
		recipes = append(recipes, r)
	}
	return recipes, nil
}

// make builds for every platform, and writes, pushes and loads what is wanted.
func (a *app) make(ctx context.Context, o *opening, recipes []recipe, w wantedImage) (made madeImage, err error) {
	made.Image = recipes[0].image
	export, err := w.export(recipes[0].project.file)
	if err != nil {
		return made, err
	}
	e, err := o.take()
	if err != nil {
		return made, err
	}
	var remembered errgroup.Group
	defer func() { // beside each other: both wait for the disk
		closeErr := e.Close(context.WithoutCancel(ctx))
		err = cmp.Or(err, remembered.Wait(), closeErr)
	}()
	for _, r := range recipes {
		res, err := a.solve(ctx, e, r)
		if err != nil {
			return made, err
		}
		remembered.Go(func() error { return remember(ctx, r, res) })
		made.Steps = append(made.Steps, res.Steps...)
		img, err := w.image(r)
		if err != nil {
			return made, err
		}
		export.Images = append(export.Images, img)
	}
	request := recipes[0].request
	if w.access != nil {
		if w.names.push, request.Logins, err = w.access(ctx); err != nil {
			return made, err
		}
		export.Outputs = append(export.Outputs, engine.Output{Kind: engine.Push, Names: w.names.push})
	}
	if len(export.Outputs) > 0 {
		first := recipes[0]
		first.request = request
		made.Digest, err = deliver(ctx, e, first, export)
	}
	made.note(w, recipes[0].project.file)
	return made, err
}

// note says where the image went.
func (m *madeImage) note(w wantedImage, file *config.File) {
	for _, o := range w.outputs {
		if o.Path != stdout {
			m.Written = append(m.Written, o.Path)
		}
	}
	m.Pushed = bareNames(w.names.push)
	if w.load {
		m.Loaded = w.names.local(file)
	}
}

// image is what is exported of a recipe.
func (w wantedImage) image(r recipe) (engine.Image, error) {
	img := engine.Image{Platform: r.plan.Platform, Definition: r.definition, Config: r.config}
	if !w.flags.sbom {
		return img, nil
	}
	var err error
	img.SBOM, err = sbom.Document(sbom.Inputs{Name: r.plan.Name, Platform: r.plan.Platform, Lock: r.lock, Files: r.workspace.Inputs})
	return img, err
}

// deliver exports what was built. All is in the cache by now, and only written.
func deliver(ctx context.Context, e *engine.Engine, r recipe, x engine.Export) (string, error) {
	if err := leaked(metadataLeaks(r.leaks, x)); err != nil {
		return "", err
	}
	for i, o := range x.Outputs {
		if o.Kind == engine.OCI || o.Kind == engine.Docker {
			x.Outputs[i].Check = func(tar io.Reader) error { return checkArchive(r.leaks, tar) }
		}
	}
	ctx, request, done := watched(ctx, r)
	defer done(nil)
	return e.Export(ctx, request, x)
}

// metadataLeaks looks for secrets in what stands beside the layers.
func metadataLeaks(c *leak.Checker, x engine.Export) (found []leak.Leak) {
	for _, name := range slices.Sorted(maps.Keys(x.Annotations)) {
		found = append(found, c.Text("the image's manifest", "annotation "+name, []byte(name+"="+x.Annotations[name]))...)
	}
	for _, img := range x.Images {
		found = append(found, c.Text("the image's SBOM", "SBOM", img.SBOM)...)
	}
	return found
}

// export lists where the image goes.
func (w wantedImage) export(file *config.File) (engine.Export, error) {
	x := engine.Export{Annotations: pairs(file.Image.Annotations, w.flags.annotations), Provenance: w.flags.provenance}
	for _, o := range w.outputs {
		o.Names = w.names.local(file)
		if o.Path == stdout {
			o.Write = w.write
		}
		x.Outputs = append(x.Outputs, o)
	}
	if len(w.names.push) > 0 {
		x.Outputs = append(x.Outputs, engine.Output{Kind: engine.Push, Names: w.names.push})
	}
	if w.load {
		docker, err := dockerhost.Find(os.Environ())
		if err != nil {
			return x, err
		}
		x.Outputs = append(x.Outputs, engine.Output{Kind: engine.Docker, Names: w.names.local(file), Write: docker.Load})
	}
	return x, nil
}

// pairs are the file's, with NAME=VALUE of the command line over them.
func pairs(file map[string]string, given []string) map[string]string {
	out := maps.Clone(file)
	if out == nil {
		out = map[string]string{}
	}
	for _, pair := range given {
		name, value, _ := strings.Cut(pair, "=")
		out[name] = value
	}
	return out
}

// registryCAs are the authorities that registries of images are trusted by.
func registryCAs() []byte { return new(fetch.NPM).CABundle(os.Environ()) }
