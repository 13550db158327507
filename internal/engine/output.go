package engine

import (
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/moby/buildkit/client"

	"github.com/sandwright/sandwright/internal/fault"
)

// An output is the file that an export is written to, under a temporary name
// until it is whole.
type output struct {
	file *os.File
	*Output
}

// openOutput says what BuildKit is to export.
func openOutput(r Request) (*output, client.ExportEntry, error) {
	f, err := os.CreateTemp(filepath.Dir(r.Output.Path), ".sandwright-image-*")
	if err != nil {
		return nil, client.ExportEntry{}, fault.Cannot("write %s: %w", r.Output.Path, err)
	}
	return &output{f, r.Output}, client.ExportEntry{
		Type:   r.Output.Type,
		Attrs:  map[string]string{"rewrite-timestamp": "true", "source-date-epoch": "0"},
		Output: func(map[string]string) (io.WriteCloser, error) { return keepOpen{f}, nil },
	}, nil
}

// finish gives the file its name, or removes it when the build failed.
func (o *output) finish(err error) error {
	if err == nil && o.Check != nil {
		_, err = o.file.Seek(0, io.SeekStart)
		err = errors.Join(err, o.Check(o.file))
	}
	if err == nil {
		err = o.file.Sync()
	}
	err = errors.Join(err, o.file.Close())
	if err == nil {
		err = os.Rename(o.file.Name(), o.Path)
	}
	if err != nil {
		_ = os.Remove(o.file.Name())
	}
	return err
}

// keepOpen leaves closing to finish, which has to sync first.
type keepOpen struct{ *os.File }

func (keepOpen) Close() error { return nil }
