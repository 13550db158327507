package stage

import (
	"bytes"
	"strings"

	"github.com/sandwright/sandwright/internal/fault"
)

// modeModule is git's mode of a submodule, modeOther stands for any other.
const (
	modeModule = "160000"
	modeOther  = "tracked"
)

// A record is one name of git's list. Of an untracked one the mode is empty, and
// only of rules the object and stage are given, after git's tag: it reads them in
// the index only where that says that they are not on the disk.
type record struct{ mode, object, path string }

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
	r := record{mode: modeOther, path: string(name)}
	if bytes.HasPrefix(head, []byte(modeModule+" ")) {
		r.mode = modeModule
	}
	if strings.HasSuffix(r.path, rulesFile) {
		_, object, _ := bytes.Cut(head, []byte{' '})
		r.object = string(rec[:1]) + string(object)
	}
	return r, nil
}
