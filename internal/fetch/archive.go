package fetch

import (
	"archive/tar"
	"io"
	"os"
	"path"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/lock"
)

// readArchive visits what a download of that packing holds, named from its
// root directory. Whatever it refuses is a fault without a place.
func readArchive(in *os.File, packing lock.Packing, root string, visit func(entry, io.Reader) error) error {
	switch packing {
	case lock.PackedNPM:
		return readPackage(in, visit)
	case lock.PackedBare:
		return readBare(in, root, visit)
	}
	return fault.Cannot("unpack it: this sandwright does not know how %s is packed", packing)
}

// readBare visits the one program that a download is. Its name is that of
// root.
func readBare(in *os.File, root string, visit func(entry, io.Reader) error) error {
	info, err := in.Stat()
	if err != nil {
		return err
	}
	return visit(entry{name: path.Base(root), kind: tar.TypeReg, exec: true, size: info.Size()}, in)
}
