package engine

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/moby/buildkit/client"

	"github.com/sandwright/sandwright/internal/fault"
)

// A delivery is one output under way: where BuildKit writes, and what makes it
// whole once it has, or clears it away.
type delivery struct {
	entry  client.ExportEntry
	finish func(ctx context.Context, err error) error
}

// deliver makes ready what o is written to. The engine's folder takes what
// gets no name of its own.
func (e *Engine) deliver(o Output, attrs map[string]string) (delivery, error) {
	switch o.Kind {
	case Push:
		return delivery{client.ExportEntry{Type: client.ExporterImage, Attrs: attrs}, func(_ context.Context, err error) error { return err }}, nil
	case Dir:
		return toDir(o, attrs)
	default:
		return toFile(o, e.opts.Root, attrs)
	}
}

// toFile writes a tar under a temporary name until it is whole.
func toFile(o Output, scratch string, attrs map[string]string) (delivery, error) {
	dir := scratch
	if o.Write == nil {
		dir = filepath.Dir(o.Path)
	}
	f, err := os.CreateTemp(dir, ".sandwright-image-*")
	if err != nil {
		return delivery{}, fault.Cannot("write %s: %w", o.Path, err)
	}
	entry := client.ExportEntry{
		Type: string(o.Kind), Attrs: attrs,
		Output: func(map[string]string) (io.WriteCloser, error) { return keepOpen{f}, nil },
	}
	return delivery{entry, func(ctx context.Context, err error) error { return o.settle(ctx, f, err) }}, nil
}

// settle gives the file its name, or hands it on, or removes it when the build
// failed.
func (o Output) settle(ctx context.Context, f *os.File, err error) error {
	defer os.Remove(f.Name()) // it has its name by then, or is of no use
	read := func(take func(io.Reader) error) {
		if err == nil && take != nil {
			_, err = f.Seek(0, io.SeekStart)
			err = errors.Join(err, take(f))
		}
	}
	read(o.Check)
	if o.Write != nil {
		read(func(r io.Reader) error { return o.Write(ctx, r) })
	}
	if err == nil && o.Write == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil && o.Write == nil {
		err = os.Rename(f.Name(), o.Path)
	}
	return err
}

// keepOpen leaves closing to settle, which has to sync first.
type keepOpen struct{ *os.File }

func (keepOpen) Close() error { return nil }

// toDir writes a folder under a temporary name until it is whole. One that has
// something in it is not written over.
func toDir(o Output, attrs map[string]string) (delivery, error) {
	if there, err := os.ReadDir(o.Path); err == nil && len(there) > 0 {
		return delivery{}, fault.Cannot("write %s: the folder is not empty", o.Path).WithHint("name a new folder")
	} else if err != nil && !errors.Is(err, os.ErrNotExist) {
		return delivery{}, fault.Cannot("write %s: %w", o.Path, err)
	}
	tmp, err := os.MkdirTemp(filepath.Dir(o.Path), ".sandwright-image-*")
	if err != nil {
		return delivery{}, fault.Cannot("write %s: %w", o.Path, err)
	}
	finish := func(_ context.Context, err error) error {
		defer os.RemoveAll(tmp) // it has its name by then, or is of no use
		if err == nil && !o.Privileged {
			err = harmless(tmp)
		}
		if err == nil {
			err = syncTree(tmp)
		}
		if err != nil {
			return err
		}
		return os.Rename(tmp, o.Path) // over an empty folder, too
	}
	return delivery{client.ExportEntry{Type: client.ExporterLocal, Attrs: attrs, OutputDir: tmp}, finish}, nil
}

// syncTree brings what stands below dir to its disk.
func syncTree(dir string) error {
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // the root of a file system
		return err
	}
	return syncFileSystem(dir)
}
