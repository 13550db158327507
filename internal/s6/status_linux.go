package s6

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"syscall"
	"time"

	"github.com/sandwright/sandwright/internal/tai64n"
)

// StatusSize is the length of supervise/status in bytes.
const StatusSize = 35

// ErrStatus is returned by DecodeStatus for what is no status.
var ErrStatus = errors.New("not an s6 status: 35 bytes, two of its stamps first")

// A Status is what supervise/status says.
type Status struct {
	Changed time.Time          // when it last came up or went down
	ReadyAt time.Time          // when it last became ready, or ready to be started
	PID     int                // of run, or of finish while Finishing; 0 is none
	Wait    syscall.WaitStatus // of the last run that has ended
	Paused  bool
	// Finishing tells that run has ended and finish has not.
	Finishing bool
	Wanted    bool // it is to be up
	Ready     bool // while it is down: it may be started
}

// The bits of the last byte of a status.
const (
	flagPaused = 1 << iota
	flagFinishing
	flagWanted
	flagReady
	flagsKnown = 1<<iota - 1
)

// Encode is s as it stands in supervise/status.
func (s Status) Encode() []byte {
	b := make([]byte, 0, StatusSize)
	b = tai64n.Append(tai64n.Append(b, s.Changed), s.ReadyAt)
	b = binary.BigEndian.AppendUint64(b, uint64(s.PID))
	b = binary.BigEndian.AppendUint16(b, uint16(s.Wait))
	return append(b, s.flags())
}

func (s Status) flags() (flags byte) {
	for i, set := range []bool{s.Paused, s.Finishing, s.Wanted, s.Ready} {
		if set {
			flags |= 1 << i
		}
	}
	return flags
}

// DecodeStatus reads what Encode writes.
func DecodeStatus(b []byte) (Status, error) {
	if len(b) != StatusSize || b[34]&^flagsKnown != 0 {
		return Status{}, ErrStatus
	}
	changed, err1 := stamp(b[:12])
	ready, err2 := stamp(b[12:24])
	pid := binary.BigEndian.Uint64(b[24:32])
	if err := errors.Join(err1, err2); err != nil || pid > 1<<31-1 {
		return Status{}, ErrStatus
	}
	flags := b[34]
	return Status{
		Changed: changed, ReadyAt: ready, PID: int(pid),
		Wait:   syscall.WaitStatus(binary.BigEndian.Uint16(b[32:34])),
		Paused: flags&flagPaused != 0, Finishing: flags&flagFinishing != 0,
		Wanted: flags&flagWanted != 0, Ready: flags&flagReady != 0,
	}, nil
}

// stamp reads the 12 bytes of a TAI64N stamp.
func stamp(b []byte) (time.Time, error) { return tai64n.Parse("@" + hex.EncodeToString(b)) }
