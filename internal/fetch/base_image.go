package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"golang.org/x/sync/errgroup"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/lock"
)

// An ImageSpec is a base as sandwright.yaml asks for it: one of the two.
type ImageSpec struct {
	Image  string // a reference
	Layout string // folder of an OCI layout
}

// ResolveImage gives what the lock pins of an image for a platform, of which
// it had was. Who signed an image of a registry is verified; no layer is
// downloaded.
func (f *Fetcher) ResolveImage(ctx context.Context, spec ImageSpec, was lock.System, platform string) (lock.System, error) {
	_, digest, err := f.baseImage(ctx, spec, platform)
	if err != nil || spec.Image == "" {
		return lock.System{Image: digest}, err
	}
	given, err := f.imageEvidence(ctx, spec.Image, "the base", digest, f.settings.Base)
	if err != nil {
		return lock.System{}, err
	}
	list, err := f.judged(f.settings.Base, was.Evidence, imageSubject(spec.Image, digest), given)
	return lock.System{Image: digest, Evidence: list}, err
}

// ImageLayers brings an image that the lock pins into the store, all of its
// layers. The evidence of the lock is verified again each time, also where they
// are there already, for whomever they came; then nothing is asked.
func (f *Fetcher) ImageLayers(ctx context.Context, system lock.System, spec ImageSpec, platform string) (Ref, error) {
	ref := Ref{Name: "base/image", Digest: "sha256:" + system.Image}
	if err := judgedAgain(f.settings.Base, "the base", system.Evidence, imageSubject(spec.String(), system.Image)); err != nil {
		return Ref{}, err
	}
	if f.store.whole(ref.Digest) {
		return ref, nil
	}
	err := f.store.guarded(ctx, "image-"+system.Image, func() error {
		if f.store.whole(ref.Digest) {
			return nil // another process has brought it in the meantime
		}
		return f.bringImage(ctx, system, spec, platform)
	})
	if noSpace(err) {
		err = f.store.full("the base", err)
	}
	return ref, err
}

func (f *Fetcher) bringImage(ctx context.Context, system lock.System, spec ImageSpec, platform string) error {
	work := "base " + spec.String()
	f.progress(Event{Name: work, Text: "asking for sha256:" + system.Image})
	pinned := spec
	if spec.Image != "" {
		pinned.Image = atDigest(spec.Image, system.Image)
	}
	img, digest, err := f.baseImage(ctx, pinned, platform)
	if err != nil {
		return err
	}
	if digest != system.Image {
		return fault.Cannot("use the base: %s has for %s the manifest sha256:%s, and %s says sha256:%s", spec, platform, digest, lock.Name, system.Image).
			WithHint("see who changed the image or the lock, then run: sandwright lock --update base")
	}
	layers, err := img.Layers()
	if err != nil {
		return f.imageFault(spec.String(), "the base", err)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for i, layer := range layers {
		group.Go(func() error {
			f.progress(Event{Name: work, Text: fmt.Sprintf("downloading layer %d of %d", i+1, len(layers))})
			return f.keepLayer(ctx, layer, spec)
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if err := f.keepConfig(img); err != nil {
		return fault.Cannot("keep the base: %w", err)
	}
	f.progress(Event{Name: work, Text: "is here", Finished: true})
	return nil
}

// keepLayer brings one layer into the store, by its digest.
func (f *Fetcher) keepLayer(ctx context.Context, layer v1.Layer, spec ImageSpec) error {
	digest, _, err := described(layer)
	if err != nil {
		return f.imageFault(spec.String(), "the base", err)
	}
	if _, ok := f.store.size(digest); ok {
		return nil
	}
	file, err := f.pull(ctx, layer)
	if err != nil {
		return f.imageFault(spec.String(), "the base", err)
	}
	in, err := os.Open(file)
	if err != nil {
		return err
	}
	_, err = f.store.put(func(w io.Writer) error { _, err := io.Copy(w, in); return err }, is("a layer of the base", digest))
	return errors.Join(err, in.Close(), removeIfThere(file))
}

// is refuses bytes of another sha256.
func is(what, want string) func(string) error {
	return func(sum string) error {
		if sum != want {
			return fault.Cannot("use %s: it has sha256 %s, and its image says %s", what, sum, want)
		}
		return nil
	}
}

// keepConfig keeps an image's config and, last, its manifest.
func (f *Fetcher) keepConfig(img v1.Image) error {
	config, err := img.RawConfigFile()
	if err != nil {
		return err
	}
	configName, err := img.ConfigName()
	if err != nil {
		return err
	}
	manifest, err := img.RawManifest()
	if err != nil {
		return err
	}
	digest, err := img.Digest()
	if err != nil {
		return err
	}
	for _, one := range []struct {
		data []byte
		sum  string
	}{{config, configName.Hex}, {manifest, digest.Hex}} {
		write := func(w io.Writer) error { _, err := w.Write(one.data); return err }
		if _, err := f.store.put(write, is("the base", one.sum)); err != nil {
			return err
		}
	}
	return nil
}

// String names the image for people.
func (s ImageSpec) String() string {
	if s.Image != "" {
		return s.Image
	}
	return s.Layout
}

// baseImage gives the image of a platform, and the sha256 of its manifest.
func (f *Fetcher) baseImage(ctx context.Context, spec ImageSpec, platform string) (v1.Image, string, error) {
	if spec.Image != "" {
		return f.image(ctx, spec.Image, platform, "the base")
	}
	index, err := layout.ImageIndexFromPath(spec.Layout)
	if err != nil {
		return nil, "", fault.Cannot("use base layout %s: %w", spec.Layout, err).WithHint("make one with: skopeo copy docker://IMAGE oci:%s", spec.Layout)
	}
	img, err := ofPlatform(index, platform, 4)
	if err != nil {
		return nil, "", fault.Cannot("use base layout %s: %w", spec.Layout, err)
	}
	if img == nil {
		return nil, "", fault.Cannot("use base layout %s: it has no image for %s", spec.Layout, platform)
	}
	digest, err := img.Digest()
	return img, digest.Hex, err
}

// ofPlatform looks for the image of a platform in an index and those in it, as
// deep as depth; nil when there is none.
func ofPlatform(index v1.ImageIndex, platform string, depth int) (v1.Image, error) {
	m, err := index.IndexManifest()
	if err != nil || depth == 0 {
		return nil, err
	}
	for _, d := range m.Manifests {
		if d.MediaType.IsIndex() {
			inner, err := index.ImageIndex(d.Digest)
			if err != nil {
				return nil, err
			}
			if img, err := ofPlatform(inner, platform, depth-1); img != nil || err != nil {
				return img, err
			}
			continue
		}
		img, err := index.Image(d.Digest)
		if err != nil {
			return nil, err
		}
		config, err := img.ConfigFile()
		if err != nil {
			return nil, err
		}
		if config.OS+"/"+config.Architecture == strings.TrimSuffix(platform, "/") {
			return img, nil
		}
	}
	return nil, nil
}
