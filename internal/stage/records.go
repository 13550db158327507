package stage

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"github.com/sandwright/sandwright/internal/fault"
)

// modeModule is git's mode of a submodule, modeOther stands for any other.
const (
	modeModule = "160000"
	modeOther  = "tracked"
)

// maxRecord bounds one record of git's list.
const maxRecord = 1 << 20

// records gives each NUL-ended record of r to each, without the NUL. The slice
// is valid until each returns.
func records(r io.Reader, each func([]byte) error) error {
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

// A record is one name of git's list. The mode is empty for an untracked one.
type record struct{ mode, path string }

// parseRecord splits a record of ls-files -t --stage: "? path" is untracked, and
// of a tracked one a tag, mode, object, stage, TAB and path are given.
func parseRecord(rec []byte) (record, error) {
	bad := func() (record, error) {
		return record{}, fault.Cannot("read git's list: %q is neither ? and path, nor tag, mode, object, stage and path", rec)
	}
	if len(rec) < 3 || rec[1] != ' ' {
		return bad()
	}
	if rec[0] == '?' {
		return record{path: string(rec[2:])}, nil
	}
	head, name, ok := bytes.Cut(rec[2:], []byte{'\t'})
	if !ok || len(name) == 0 || bytes.Count(head, []byte{' '}) != 2 || head[0] == ' ' {
		return bad()
	}
	mode := modeOther
	if bytes.HasPrefix(head, []byte(modeModule+" ")) {
		mode = modeModule
	}
	return record{mode, string(name)}, nil
}
