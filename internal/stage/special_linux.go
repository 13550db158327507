package stage

import (
	"bytes"
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// special calls found with the name and kind of each fifo, socket and device in
// an open folder, of which git says nothing. A file system that does not tell
// kinds with names has none, nor has a folder that cannot be read.
func special(dir int, found func(name, kind string)) {
	const typeAt, nameAt = 18, 19 // in a linux_dirent64, see getdents64(2)
	if _, err := unix.Seek(dir, 0, unix.SEEK_SET); err != nil {
		return
	}
	buf := make([]byte, 16<<10)
	for {
		n, err := unix.ReadDirent(dir, buf)
		if err != nil || n <= 0 {
			return
		}
		for rest := buf[:n]; len(rest) > nameAt; {
			size := int(binary.NativeEndian.Uint16(rest[16:]))
			if size <= nameAt || size > len(rest) {
				return
			}
			if kind := specialKind(rest[typeAt]); kind != "" {
				name, _, _ := bytes.Cut(rest[nameAt:size], []byte{0})
				found(string(name), kind)
			}
			rest = rest[size:]
		}
	}
}

func specialKind(direntType byte) string {
	switch direntType {
	case unix.DT_FIFO:
		return "fifo"
	case unix.DT_SOCK:
		return "socket"
	case unix.DT_CHR, unix.DT_BLK:
		return "device"
	}
	return ""
}
