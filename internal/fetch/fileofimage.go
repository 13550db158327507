package fetch

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/lock"
)

// lookDeadline bounds looking for one file in an image, all layers together.
const lookDeadline = 10 * time.Minute

// HasHost tells whether a reference names a registry's host.
func HasHost(ref string) bool {
	host, _ := cutHost(strings.TrimPrefix(ref, "http://"))
	return host != ""
}

// FileOfImage gives a regular file of an image in a registry, such as
// etc/passwd, from the uppermost layer that has it, and most bytes of it at
// most; nil where none has it. A registry that speaks plain HTTP is named with
// http:// before its host, and needs no such thing on loopback. Nothing is kept.
func (f *Fetcher) FileOfImage(ctx context.Context, ref, platform, who, file string, most int64) ([]byte, error) {
	ctx, stop := context.WithTimeout(ctx, lookDeadline)
	defer stop()
	bare, plain := strings.CutPrefix(ref, "http://")
	var how []name.Option
	if plain {
		how = append(how, name.Insecure)
	}
	r, err := f.reference(bare, who, how...)
	if err != nil {
		return nil, err
	}
	img, _, err := f.imageAt(ctx, r, ref, platform, who)
	if err != nil {
		return nil, err
	}
	layers, err := img.Layers()
	if err != nil {
		return nil, f.imageFault(ref, who, err)
	}
	for _, layer := range slices.Backward(layers) {
		var data []byte
		err := f.retried(ctx, func() (err error) {
			data, err = lookInto(layer, file, most)
			return err
		})
		if err != nil {
			return nil, f.imageFault(ref, who, err)
		}
		if data != nil {
			return data, nil
		}
	}
	return nil, nil
}

// lookInto reads a layer up to the file.
func lookInto(layer v1.Layer, file string, most int64) ([]byte, error) {
	in, err := layer.Compressed()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	return FileOfLayer(in, file, most)
}

// FileOfLayer gives a regular file of a layer, compressed or not, and most bytes
// of it at most; nil where it is not there.
func FileOfLayer(layer io.Reader, file string, most int64) ([]byte, error) {
	plain, done, err := decompress(layer, lock.PackedLayer)
	if err != nil {
		return nil, err
	}
	defer done()
	files := tar.NewReader(&boundedReader{plain, maxImage})
	for range maxLayerEntries {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		if h.Typeflag == tar.TypeReg && strings.TrimPrefix(path.Clean("/"+h.Name), "/") == file {
			return io.ReadAll(io.LimitReader(files, most))
		}
	}
	return nil, fault.Cannot("look into a layer: it has more than %d entries", maxLayerEntries)
}

// maxLayerEntries is how many entries of a layer are looked at.
const maxLayerEntries = 4_000_000
