package source

import (
	"archive/tar"
	"context"
	"errors"
	"io"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/stage"
)

// write writes a cold layer from the tree. What it wrote is read once more on
// the way: a layer never stands under a digest that is not of its contents.
func (d *Division) write(ctx context.Context, w io.Writer, l layer) error {
	if l.remembered {
		return fault.Cannot("make the layer of %s: it went away just now", l.name).WithHint("run the command again")
	}
	seen, written := io.Pipe()
	checked := make(chan error, 1)
	go func() {
		err := check(seen, l)
		seen.CloseWithError(err)
		checked <- err
	}()
	err := d.tree.TarPart(ctx, io.MultiWriter(w, written), places(l.files))
	written.CloseWithError(err)
	if checkErr := <-checked; err == nil {
		err = checkErr
	}
	return err
}

// check holds a tar against the files of a layer.
func check(r io.Reader, l layer) error {
	tr := tar.NewReader(r)
	for _, f := range l.files {
		hdr, err := tr.Next()
		for err == nil && hdr.Typeflag == tar.TypeDir && f.kind != stage.Dir {
			hdr, err = tr.Next()
		}
		if err != nil {
			return changed(f, err)
		}
		sum := stage.NewSummer(hdr.Size)
		if f.kind == stage.Link {
			sum = stage.NewSummer(int64(len(hdr.Linkname)))
			io.WriteString(sum, hdr.Linkname)
		} else if _, err := io.Copy(sum, tr); err != nil {
			return changed(f, err)
		}
		if f.kind != stage.Dir && (hdr.Name != f.path || sum.Sum() != f.sum) {
			return changed(f, stage.ErrChanged)
		}
	}
	_, err := io.Copy(io.Discard, r)
	return err
}

// changed is the fault of a file that is not what was looked at.
func changed(f file, err error) error {
	if errors.Is(err, io.ErrClosedPipe) {
		return err
	}
	if errors.Is(err, io.EOF) {
		err = stage.ErrChanged
	}
	return fault.Cannot("stage %s: %w", stage.Show(f.path), err).WithHint("run the command again, when nothing writes to it")
}
