package stage

import (
	"bytes"
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// readKinds calls each with the name and kind of every folder, fifo, socket and
// device in an open folder, by the kinds that getdents64(2) gives with names, and
// with .git and .gitignore where they are files or links, which have no kind. It
// is false where the folder could not be read to its end.
func readKinds(dir int, buf []byte, each func(name, kind string)) bool {
	const typeAt, nameAt = 18, 19 // in a linux_dirent64
	if _, err := unix.Seek(dir, 0, unix.SEEK_SET); err != nil {
		return false
	}
	for {
		n, err := unix.ReadDirent(dir, buf)
		if err != nil || n <= 0 {
			return err == nil
		}
		for rest := buf[:n]; len(rest) > nameAt; {
			size := int(binary.NativeEndian.Uint16(rest[16:]))
			if size <= nameAt || size > len(rest) {
				return false
			}
			name, _, _ := bytes.Cut(rest[nameAt:size], []byte{0})
			if kind := rest[typeAt]; kind != unix.DT_REG && kind != unix.DT_LNK || string(name) == ".git" || string(name) == rulesFile {
				kindOf(dir, string(name), kind, each)
			}
			rest = rest[size:]
		}
	}
}

// kindOf asks where a file system does not tell.
func kindOf(dir int, name string, direntType byte, each func(name, kind string)) {
	if name == "." || name == ".." {
		return
	}
	if direntType == unix.DT_UNKNOWN {
		st, err := lstat(dir, name)
		if err != nil {
			return
		}
		direntType = byte(uint32(st.Mode) & unix.S_IFMT >> 12) // as dirent.h's IFTODT
	}
	switch direntType {
	case unix.DT_DIR:
		each(name, "dir")
	case unix.DT_FIFO:
		each(name, "fifo")
	case unix.DT_SOCK:
		each(name, "socket")
	case unix.DT_CHR, unix.DT_BLK:
		each(name, "device")
	default:
		if name == ".git" || name == rulesFile {
			each(name, "")
		}
	}
}
