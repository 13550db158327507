package fetch

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/lock"
)

// ociSource takes a tool's files out of one layer of an image.
type ociSource struct{ sourced }

// choose gives the tag, or the start of the digest: an image has no version
// but those.
func (o ociSource) choose(context.Context, []string) (string, error) {
	return imageVersion(o.spec.OCI), nil
}

func imageVersion(ref string) string {
	_, digest, pinned := strings.Cut(ref, "@sha256:")
	if pinned {
		return digest[:min(12, len(digest))]
	}
	_, tag := cutLast(ref, ":")
	return tag
}

// find names the layer that the files are in: the topmost that has one of
// them. Those above it must not have removed it.
func (o ociSource) find(ctx context.Context, version, platform string) (found, error) {
	img, manifest, err := o.image(ctx, o.spec.OCI, platform, "tool "+o.tool)
	if err != nil {
		return found{}, err
	}
	if err := o.vouchedBefore(ctx, manifest, platform); err != nil {
		return found{}, err
	}
	layer, err := o.layerOf(ctx, img)
	if err != nil {
		return found{}, err
	}
	digest, size, err := described(layer)
	if err != nil {
		return found{}, o.imageFault(o.spec.OCI, "tool "+o.tool, err)
	}
	out := found{
		Artifact: lock.Artifact{
			Package: repositoryOf(o.spec.OCI), Version: version, Image: manifest, Packed: lock.PackedLayer, Size: size, SHA256: digest,
		},
		promiser: "its image", programs: o.programs(),
	}
	if config, err := img.ConfigFile(); err == nil && config.Created.Year() > 1980 {
		out.Released = utc(config.Created.UTC().Format(time.RFC3339))
	}
	return out, o.oldEnough(o.spec.OCI, out.Released)
}

// programs are the files that are named without a pattern.
func (o ociSource) programs() map[string]string {
	out := map[string]string{}
	for _, file := range o.spec.Files {
		if !strings.ContainsAny(file, `*?[\`) {
			out[programName(file)] = file
		}
	}
	return out
}

func described(l v1.Layer) (digest string, size int64, err error) {
	d, err := l.Digest()
	if err != nil {
		return "", 0, err
	}
	size, err = l.Size()
	return d.Hex, size, err
}

// layerOf downloads layers, the topmost first, until one has a wanted file.
func (o ociSource) layerOf(ctx context.Context, img v1.Image) (v1.Layer, error) {
	layers, err := img.Layers()
	if err != nil {
		return nil, o.imageFault(o.spec.OCI, "tool "+o.tool, err)
	}
	removed := map[string]bool{}
	for i := len(layers) - 1; i >= 0; i-- {
		has, err := o.has(ctx, layers[i], removed)
		if err != nil || has {
			return layers[i], err
		}
	}
	return nil, fault.Cannot("find %s in image %s, which tool %s asks for", strings.Join(o.spec.Files, ", "), o.spec.OCI, o.tool).
		WithHint("correct files: of the tool")
}

// has tells whether a layer has a wanted file that is not among those removed
// above it, and adds those that it removes itself.
func (o ociSource) has(ctx context.Context, layer v1.Layer, removed map[string]bool) (has bool, err error) {
	if _, size, err := described(layer); err == nil && size > lock.MaxDownload {
		return false, fault.Cannot("use tool %s: a layer of image %s has %d bytes, and a download has %d at most", o.tool, o.spec.OCI, size, int64(lock.MaxDownload)).
			WithHint("name an image that has the tool in a smaller layer above")
	}
	file, err := o.pull(ctx, layer)
	if err != nil {
		return false, o.imageFault(o.spec.OCI, "tool "+o.tool, err)
	}
	gone := []string{}
	err = eachName(file, func(name string, dir bool) {
		folder, base := path.Split(name)
		switch rest, whiteout := strings.CutPrefix(base, ".wh."); {
		case base == ".wh..wh..opq":
			gone = append(gone, path.Clean(folder))
		case whiteout:
			gone = append(gone, path.Join(folder, rest))
		case !dir && keeps(o.spec.Files, name) && !below(removed, name):
			has = true
		}
	})
	for _, name := range gone {
		removed[name] = true
	}
	return has, err
}

// below tells whether name, or a directory it is in, is in the set.
func below(set map[string]bool, name string) bool {
	for ; name != "."; name = path.Dir(name) {
		if set[name] {
			return true
		}
	}
	return false
}

func keeps(patterns []string, name string) bool { return part{keep: patterns}.kept(name) }

// eachName reads the clean names in a layer.
func eachName(file string, visit func(name string, dir bool)) (err error) {
	in, err := os.Open(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	plain, done, err := decompress(in, lock.PackedLayer)
	if err != nil {
		return err
	}
	defer done()
	tr := tar.NewReader(&boundedReader{plain, newUnpacker(defaultLimits()).stream()})
	for range maxEntries {
		hdr, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return broken(err)
		}
		visit(strings.TrimPrefix(path.Clean("/"+hdr.Name), "/"), hdr.Typeflag == tar.TypeDir)
	}
	return fault.Cannot("unpack it: it has more than %d entries", maxEntries)
}

// pull brings a layer into a partial file of its digest, verified; one that is
// there whole is not brought again.
func (f *Fetcher) pull(ctx context.Context, layer v1.Layer) (string, error) {
	digest, size, err := described(layer)
	if err != nil {
		return "", err
	}
	file := filepath.Join(f.store.dir, "partial", digest)
	if s, err := sumFile(file); err == nil && s.sha256 == digest {
		return file, nil
	}
	return file, f.retried(ctx, func() error { return f.copyLayer(ctx, layer, file, size) })
}

// copyLayer copies a layer to a file. The layer's reader holds it against its
// digest.
func (f *Fetcher) copyLayer(ctx context.Context, layer v1.Layer, file string, size int64) (err error) {
	ctx, stop := context.WithTimeout(ctx, downloadDeadline)
	defer stop()
	in, err := layer.Compressed()
	if err != nil {
		return err
	}
	release := context.AfterFunc(ctx, func() { _ = in.Close() })
	defer release()
	out, err := os.OpenFile(file, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close(), in.Close()) }()
	n, err := io.Copy(out, io.LimitReader(in, size+1))
	if err == nil && n != size {
		err = fmt.Errorf("the layer has %d bytes, and its image says %d", n, size)
	}
	return errors.Join(err, ctx.Err())
}

// get brings the layer, by the manifest that the lock or the tag names.
func (o ociSource) get(ctx context.Context, a lock.Artifact, p parcel) (path string, s sums, err error) {
	img, _, err := o.image(ctx, atDigest(o.spec.OCI, a.Image), p.platform, "tool "+o.tool)
	if err != nil {
		return "", s, err
	}
	layer, err := img.LayerByDigest(v1.Hash{Algorithm: "sha256", Hex: a.SHA256})
	if err == nil {
		path, err = o.pull(ctx, layer)
	}
	if err != nil {
		return "", s, o.imageFault(o.spec.OCI, "tool "+o.tool, err)
	}
	return settled(path, p)
}

// settled checks a file that is here.
func settled(path string, p parcel) (string, sums, error) {
	s, err := sumFile(path)
	if err == nil {
		err = p.check(s)
	}
	if err != nil {
		return "", sums{}, errors.Join(err, removeIfThere(path))
	}
	return path, s, nil
}
