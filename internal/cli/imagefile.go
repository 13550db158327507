package cli

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/fetch"
	"github.com/sandwright/sandwright/internal/receipt"
	"github.com/sandwright/sandwright/internal/smallfile"
)

// maxDocument bounds the JSON of an image, bytes.
const maxDocument = 8 << 20

// receiptOfImage reads the receipt out of a file that sandwright build wrote, or
// out of the folder that such a file was unpacked to.
func receiptOfImage(name string) ([]byte, error) {
	image, err := openImage(name)
	if err != nil {
		return nil, fault.Cannot("read the image %s: %w", name, systemError(err)).WithHint("write one with: sandwright build --output oci:image.tar")
	}
	defer image.close()
	data, err := image.receipt()
	if err != nil {
		return nil, fault.Cannot("read the receipt of %s: %w", name, systemError(err)).WithHint("write one with: sandwright build --output oci:image.tar")
	}
	return data, nil
}

// An imageFile is a tar with an OCI layout in it, or the layout's folder.
type imageFile struct {
	dir   string // empty: it is a tar
	file  *os.File
	parts map[string]*io.SectionReader // of the tar
}

func openImage(name string) (*imageFile, error) {
	if info, err := os.Stat(name); err != nil || info.IsDir() {
		return &imageFile{dir: name}, err
	}
	f, err := smallfile.Open(name)
	if err != nil {
		return nil, err
	}
	image := &imageFile{file: f, parts: map[string]*io.SectionReader{}}
	if err := image.index(); err != nil {
		f.Close()
		return nil, err
	}
	return image, nil
}

// index finds where the files of the tar are.
func (i *imageFile) index() error {
	for files := tar.NewReader(i.file); ; {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		at, err := i.file.Seek(0, io.SeekCurrent)
		if err != nil {
			return err
		}
		if h.Typeflag == tar.TypeReg {
			i.parts[path.Clean(h.Name)] = io.NewSectionReader(i.file, at, h.Size)
		}
	}
}

func (i *imageFile) close() {
	if i.file != nil {
		i.file.Close()
	}
}

// open opens one of its files.
func (i *imageFile) open(name string) (io.ReadCloser, error) {
	if i.dir == "" {
		part, ok := i.parts[name]
		if !ok {
			return nil, errors.New("it has no " + name)
		}
		_, err := part.Seek(0, io.SeekStart)
		return io.NopCloser(part), err
	}
	if !filepath.IsLocal(name) {
		return nil, errors.New("it names a file outside itself")
	}
	f, err := smallfile.Open(filepath.Join(i.dir, name))
	if errors.Is(err, os.ErrNotExist) {
		return nil, errors.New("it has no " + name)
	}
	return f, err
}

func (i *imageFile) document(name string, v any) error {
	f, err := i.open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if json.NewDecoder(io.LimitReader(f, maxDocument)).Decode(v) != nil {
		return errors.New(name + " is not JSON of an image")
	}
	return nil
}

// layers are the names of the layers' files, the lowest first.
func (i *imageFile) layers() (names []string, err error) {
	var index ocispecs.Index
	if err := i.document("index.json", &index); err != nil {
		return nil, err
	}
	for range 4 { // an index may name an index, and so on
		if len(index.Manifests) == 0 {
			break
		}
		first := index.Manifests[0]
		if first.MediaType == ocispecs.MediaTypeImageIndex {
			index = ocispecs.Index{}
			if err := i.document(blobName(first), &index); err != nil {
				return nil, err
			}
			continue
		}
		var manifest ocispecs.Manifest
		if err := i.document(blobName(first), &manifest); err != nil {
			return nil, err
		}
		for _, l := range manifest.Layers {
			names = append(names, blobName(l))
		}
		return names, nil
	}
	return nil, errors.New("it holds no image")
}

func blobName(d ocispecs.Descriptor) string {
	return "blobs/" + strings.Replace(string(d.Digest), ":", "/", 1)
}

// receipt looks for the receipt from the uppermost layer down.
func (i *imageFile) receipt() ([]byte, error) {
	names, err := i.layers()
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Backward(names) {
		f, err := i.open(name)
		if err != nil {
			return nil, err
		}
		data, err := fetch.FileOfLayer(f, receiptFile(), receipt.MaxSize+1)
		f.Close()
		if err != nil || data != nil {
			return data, err
		}
	}
	return nil, errNoReceipt()
}

func errNoReceipt() error {
	return errors.New("it has none: it was built by an older sandwright, or by something else")
}

// receiptFile is the receipt's name in a layer.
func receiptFile() string { return strings.TrimPrefix(receipt.Path, "/") }

// receiptOfRegistry reads the receipt out of an image in a registry. No more of
// it is read than the layers down to the one with the receipt.
func (a *app) receiptOfRegistry(ctx context.Context, p project, ref string) ([]byte, error) {
	fetcher, _, _, err := a.fetcher(p)
	if err != nil {
		return nil, err
	}
	data, err := fetcher.FileOfImage(ctx, ref, hostPlatform(), "--against", receiptFile(), receipt.MaxSize+1)
	if err == nil && data == nil {
		err = fault.Cannot("read the receipt of %s: %w", ref, errNoReceipt()).WithHint("push one with: sandwright build --push %s", ref)
	}
	return data, err
}
