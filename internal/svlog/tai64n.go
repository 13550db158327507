package svlog

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"time"
)

// ErrStamp is returned by ParseTAI64N for a text that is no stamp.
var ErrStamp = errors.New("not a TAI64N stamp: an @ and 24 hexadecimal digits")

// epoch is 1970 on TAI64N's scale, leap seconds included as s6 counts them.
const epoch = 1<<62 + 37

// FormatTAI64N is t as s6 names files and stamps lines: an @ and 24
// hexadecimal digits. Stamps sort as their times do.
func FormatTAI64N(t time.Time) string {
	var b [12]byte
	binary.BigEndian.PutUint64(b[:8], uint64(t.Unix())+epoch)
	binary.BigEndian.PutUint32(b[8:], uint32(t.Nanosecond()))
	return "@" + hex.EncodeToString(b[:])
}

// ParseTAI64N reads what FormatTAI64N writes. Capital digits are refused: no
// tool writes them, and a name has one spelling.
func ParseTAI64N(stamp string) (time.Time, error) {
	if len(stamp) != 25 || stamp[0] != '@' {
		return time.Time{}, ErrStamp
	}
	b, err := hex.DecodeString(stamp[1:])
	if err != nil {
		return time.Time{}, ErrStamp
	}
	seconds, nanos := binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint32(b[8:])
	t := time.Unix(int64(seconds-epoch), int64(nanos))
	if nanos > 999_999_999 || seconds >= 1<<63 || FormatTAI64N(t) != stamp {
		return time.Time{}, ErrStamp
	}
	return t, nil
}
