package engine

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/moby/buildkit/util/db"
	"go.etcd.io/bbolt"

	"github.com/sandwright/sandwright/internal/smallfile"
	"github.com/sandwright/sandwright/internal/wholefile"
)

// BuildKit makes each of a build's hundreds of small transactions durable by
// itself, and overlay does the same with all that there is when a layer is unmounted.
// Here all of it reaches the disk once, when the engine closes: a
// killed process loses nothing of them, a machine that stops may. The mark says
// which machine start they were written in; after another one, they are dropped.

// writebackMark is the file in Root that stands while the databases are ahead of
// the disk.
const writebackMark = "unsynced"

// bootIDFile names this start of the machine; see random(4).
const bootIDFile = "/proc/sys/kernel/random/boot_id"

// A writeback is the state of one open engine's databases.
type writeback struct {
	root string
	boot string // empty: each transaction is made durable
}

// openWriteback sets the mark of root. It drops what a machine that stopped has
// left half on the disk, and says so.
func openWriteback(root string, say func(string)) (*writeback, error) {
	w := &writeback{root: root}
	if boot, err := smallfile.Read(bootIDFile, 64); err == nil {
		w.boot = strings.TrimSpace(string(boot))
	}
	mark, err := smallfile.Read(w.mark(), 64)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return w, w.set()
	case err == nil && w.boot != "" && string(mark) == w.boot:
		return w, nil
	}
	say("the machine stopped while a build ran: what was built here is built anew")
	if err := dropStores(root); err != nil {
		return nil, err
	}
	return w, w.set()
}

func (w *writeback) mark() string { return filepath.Join(w.root, writebackMark) }

// set makes the mark durable, before anything is written that is not.
func (w *writeback) set() error {
	if w.boot == "" {
		return ignoreMissing(os.Remove(w.mark()))
	}
	return errors.Join(wholefile.Put(w.mark(), 0o600, []byte(w.boot)), syncPath(w.root))
}

// options are those of a database that does not make itself durable on closing.
func (w *writeback) options(o *bbolt.Options) error {
	o.NoSync = w.boot != ""
	return nil
}

// boltOptions are those of one that BuildKit's boltutil opens, which does.
func (w *writeback) boltOptions() *bbolt.Options {
	return &bbolt.Options{FreelistType: bbolt.FreelistMapType, NoFreelistSync: true, NoSync: w.boot != ""}
}

// putOff is for one that BuildKit opens with options of its own.
func (w *writeback) putOff(store db.Transactor) error {
	return store.View(func(tx *bbolt.Tx) error {
		tx.DB().NoSync = w.boot != ""
		return nil
	})
}

// close brings the closed databases, and the layers that they name, to the disk,
// and takes the mark away.
func (w *writeback) close() error {
	if w.boot == "" {
		return nil
	}
	if err := syncFileSystem(w.root); err != nil {
		return err // and the mark stays
	}
	return ignoreMissing(os.Remove(w.mark()))
}

// dropStores removes what BuildKit keeps below root.
func dropStores(root string) error {
	entries, err := os.ReadDir(root)
	for _, e := range entries {
		if e.Name() != lockName && e.Name() != logName {
			err = errors.Join(err, os.RemoveAll(filepath.Join(root, e.Name())))
		}
	}
	return err
}

// syncPath makes a file or folder durable.
func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
