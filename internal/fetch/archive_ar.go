package fetch

import (
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/sandwright/sandwright/internal/fault"
)

// debData finds the archive of files in a Debian package, which is an ar
// archive: https://manpages.debian.org/deb.5
func debData(in *os.File) (io.Reader, error) {
	magic := make([]byte, 8)
	if _, err := io.ReadFull(in, magic); err != nil || string(magic) != "!<arch>\n" {
		return nil, fault.Cannot("unpack it: it is no Debian package")
	}
	offset := int64(len(magic))
	for range 8 { // dpkg itself knows of three members
		name, size, ok := arMember(in, offset)
		if !ok {
			break
		}
		offset += arHeader
		if strings.HasPrefix(name, "data.tar") {
			return io.NewSectionReader(in, offset, size), nil
		}
		offset += size + size%2
	}
	return nil, fault.Cannot("unpack it: the Debian package has no data.tar")
}

// arHeader is the size of a member's header in an ar archive.
const arHeader = 60

// arMember reads the header at offset.
func arMember(in io.ReaderAt, offset int64) (name string, size int64, ok bool) {
	b := make([]byte, arHeader)
	if _, err := in.ReadAt(b, offset); err != nil || string(b[58:]) != "`\n" {
		return "", 0, false
	}
	n, err := strconv.ParseUint(strings.TrimSpace(string(b[48:58])), 10, 40)
	return strings.TrimRight(string(b[:16]), " /"), int64(n), err == nil
}
