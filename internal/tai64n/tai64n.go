// Package tai64n writes and reads TAI64N stamps, as s6 names files, stamps lines
// and records times. Standard library only.
package tai64n

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"time"
)

// ErrStamp is returned by Parse for a text that is no stamp.
var ErrStamp = errors.New("not a TAI64N stamp: an @ and 24 hexadecimal digits")

// epoch is 1970 on TAI64N's scale, leap seconds included as s6 counts them.
const epoch = 1<<62 + 37

// Format is t as s6 names files and stamps lines: an @ and 24
// hexadecimal digits. Stamps sort as their times do.
func Format(t time.Time) string {
	var b [12]byte
	return "@" + hex.EncodeToString(Append(b[:0], t))
}

// Append adds the 12 bytes of t's binary form, big-endian, to b.
func Append(b []byte, t time.Time) []byte {
	b = binary.BigEndian.AppendUint64(b, uint64(t.Unix())+epoch)
	return binary.BigEndian.AppendUint32(b, uint32(t.Nanosecond()))
}

// Parse reads what Format writes. Capital digits are refused: no
// tool writes them, and a name has one spelling.
func Parse(stamp string) (time.Time, error) {
	if len(stamp) != 25 || stamp[0] != '@' {
		return time.Time{}, ErrStamp
	}
	b, err := hex.DecodeString(stamp[1:])
	if err != nil {
		return time.Time{}, ErrStamp
	}
	seconds, nanos := binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint32(b[8:])
	t := time.Unix(int64(seconds-epoch), int64(nanos))
	if nanos > 999_999_999 || seconds >= 1<<63 || Format(t) != stamp {
		return time.Time{}, ErrStamp
	}
	return t, nil
}
