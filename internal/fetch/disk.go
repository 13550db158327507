package fetch

import (
	"errors"
	"syscall"

	"github.com/sandwright/sandwright/internal/fault"
)

// noSpace tells whether err is that of a full disk or a spent quota.
func noSpace(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// full is the fault for what does not fit into the store.
func (s *Store) full(what string, err error) error {
	out := fault.Cannot("keep %s: the disk of %s is full", what, s.dir).
		WithHint("make room there and run: sandwright gc; or let SANDWRIGHT_HOME name a larger disk")
	out.Err = err
	return out
}
