package s6

import (
	"errors"
	"io/fs"
	"syscall"
	"time"

	"github.com/sandwright/sandwright/internal/tai64n"
)

// Bounds of supervise/death_tally.
const (
	deathSize    = 14   // bytes of one record: stamp, code, signal
	tallyDefault = 100  // records kept
	tallyMost    = 4096 // that max-death-tally may ask for
)

// appendDeath adds one record to a tally. The code of a process that a signal
// ended is 128 and the signal's number.
func appendDeath(tally []byte, at time.Time, status syscall.WaitStatus) []byte {
	tally = tai64n.Append(tally, at)
	if status.Signaled() {
		return append(tally, 128+byte(status.Signal()), byte(status.Signal()))
	}
	return append(tally, byte(status.ExitStatus()), 0)
}

// addDeath keeps the last most records of the tally, the new one among them.
func (d dir) addDeath(most int, at time.Time, status syscall.WaitStatus) error {
	if most == 0 {
		return nil
	}
	tally, err := d.read(tallyFile, tallyMost*deathSize)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	tally = tally[:len(tally)/deathSize*deathSize]
	tally = tally[max(0, len(tally)-(most-1)*deathSize):]
	return d.replace(tallyFile, appendDeath(tally, at, status))
}
