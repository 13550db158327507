package stage

import (
	"io"

	"github.com/tonistiigi/fsutil"
)

// FailWith is tree, and calls fail with each error of a read as well. It is
// for every tree that a sender of fsutil reads: that one sends an empty file
// where Open fails, and waits for ever where Read does. The fail given must
// cancel the context of the transfer, as a context.CancelCauseFunc does.
func FailWith(tree fsutil.FS, fail func(error)) fsutil.FS { return failing{tree, fail} }

type failing struct {
	fsutil.FS
	fail func(error)
}

func (f failing) Open(p string) (io.ReadCloser, error) {
	rc, err := f.FS.Open(p)
	if err != nil {
		rc = failed{err}
	}
	return &reporting{rc, f.fail}, nil
}

// A reporting file tells of an error of its reader before its reader does.
type reporting struct {
	io.ReadCloser
	fail func(error)
}

func (r *reporting) Read(b []byte) (int, error) {
	n, err := r.ReadCloser.Read(b)
	if err != nil && err != io.EOF {
		r.fail(err)
	}
	return n, err
}
