package fetch

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/sandwright/sandwright/internal/dockerlogin"
	"github.com/sandwright/sandwright/internal/fault"
)

// cutHost splits an image's reference into the registry's host, which may be
// none, and the rest.
func cutHost(ref string) (host, rest string) {
	host, rest, ok := strings.Cut(ref, "/")
	if ok && (strings.ContainsAny(host, ".:") || host == "localhost") {
		return host, rest
	}
	return "", ref
}

// repositoryOf is the name of an image without registry, tag and digest.
func repositoryOf(ref string) string {
	_, rest := cutHost(ref)
	rest, _, _ = strings.Cut(rest, "@")
	if i := strings.LastIndex(rest, ":"); i > strings.LastIndex(rest, "/") {
		rest = rest[:i]
	}
	return rest
}

// atDigest is the reference with a manifest's digest for its tag.
func atDigest(ref, sha256 string) string {
	host, _ := cutHost(ref)
	out := repositoryOf(ref) + "@sha256:" + sha256
	if host != "" {
		out = host + "/" + out
	}
	return out
}

// reference reads an image's reference; one that names no host is of the
// registry that is configured.
func (f *Fetcher) reference(ref, who string, how ...name.Option) (name.Reference, error) {
	if host, rest := cutHost(ref); host == "" && f.settings.OCI != "" {
		ref = f.settings.OCI + "/" + rest
	}
	r, err := name.ParseReference(ref, how...)
	if err != nil {
		return nil, fault.Cannot("use image %s, which %s asks for: it is no reference", ref, who).WithCode(fault.ExitConfig)
	}
	return r, nil
}

// image gives an image for a platform, and the sha256 of its manifest.
// Nothing of it is downloaded but that. Credentials are those of docker login.
func (f *Fetcher) image(ctx context.Context, ref, platform, who string) (v1.Image, string, error) {
	r, err := f.reference(ref, who)
	if err != nil {
		return nil, "", err
	}
	return f.imageAt(ctx, r, ref, platform, who)
}

// imageAt is image of a reference that is read already.
func (f *Fetcher) imageAt(ctx context.Context, r name.Reference, ref, platform, who string) (v1.Image, string, error) {
	system, arch, _ := strings.Cut(platform, "/")
	img, err := remote.Image(r, remote.WithContext(ctx), remote.WithTransport(f.imageTransport()),
		remote.WithAuthFromKeychain(dockerlogin.Keychain{}), remote.WithPlatform(v1.Platform{OS: system, Architecture: arch}))
	if err != nil {
		return nil, "", f.imageFault(ref, who, err)
	}
	if err := modest(img); err != nil {
		return nil, "", f.imageFault(ref, who, err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		return nil, "", f.imageFault(ref, who, err)
	}
	if config.OS != system || config.Architecture != arch {
		return nil, "", fault.Cannot("use image %s, which %s asks for: it is for %s/%s, and not for %s", ref, who, config.OS, config.Architecture, platform).
			WithHint("name an image that is there for every platform of the file")
	}
	digest, err := img.Digest()
	return img, digest.Hex, err
}

// What an image may be at most.
const (
	maxImage       = 32 << 30 // bytes of its layers together, compressed
	maxImageLayers = 500
	maxImageConfig = 8 << 20 // bytes
)

// modest is nil for an image whose manifest promises no more than an image may
// be. What comes is held against what is promised.
func modest(img v1.Image) error {
	m, err := img.Manifest()
	if err != nil {
		return err
	}
	if len(m.Layers) > maxImageLayers || m.Config.Size < 0 || m.Config.Size > maxImageConfig {
		return fmt.Errorf("its manifest names %d layers and a config of %d bytes, and an image has %d and %d at most", len(m.Layers), m.Config.Size, maxImageLayers, maxImageConfig)
	}
	left := int64(maxImage)
	for _, l := range m.Layers {
		if left -= l.Size; l.Size < 0 || left < 0 {
			return fmt.Errorf("its layers have more than %d bytes", int64(maxImage))
		}
	}
	return nil
}

// imageTransport reaches registries as npm's settings say: its proxies and
// authorities, and none of its credentials.
func (f *Fetcher) imageTransport() http.RoundTripper {
	if a, ok := f.client().Transport.(*authorizer); ok {
		return a.next
	}
	return http.DefaultTransport
}

// imageFault is the fault for a registry that gave nothing usable.
func (f *Fetcher) imageFault(ref, who string, err error) error {
	var own *fault.Fault
	if errors.As(err, &own) || errors.Is(err, context.Canceled) {
		return err
	}
	why := reason(err)
	var refused *transport.Error
	if errors.As(err, &refused) {
		why = "the registry answers " + http.StatusText(refused.StatusCode)
		if len(refused.Errors) > 0 {
			why += " (" + string(refused.Errors[0].Code) + ")"
		}
	}
	out := fault.Cannot("fetch image %s, which %s asks for: %s", ref, who, why).
		WithHint("check the name, the network and its proxy; of a private image, run: docker login")
	out.Err = err
	return out
}
