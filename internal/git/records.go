package git

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"github.com/sandwright/sandwright/internal/fault"
)

// maxRecord bounds one record of git's lists.
const maxRecord = 1 << 20

// Records gives each NUL-ended record of r to each, without the NUL. The slice
// is valid until each returns.
func Records(r io.Reader, each func([]byte) error) error {
	s := bufio.NewScanner(r)
	s.Buffer(make([]byte, 64<<10), maxRecord)
	s.Split(splitRecord)
	for s.Scan() {
		if err := each(s.Bytes()); err != nil {
			return err
		}
	}
	if err := s.Err(); err != nil {
		return fault.Cannot("read git's list: %w", err)
	}
	return nil
}

func splitRecord(data []byte, atEOF bool) (int, []byte, error) {
	if i := bytes.IndexByte(data, 0); i >= 0 {
		return i + 1, data[:i], nil
	}
	if atEOF && len(data) > 0 {
		return 0, nil, errors.New("it ends in the middle of a name")
	}
	return 0, nil, nil
}
