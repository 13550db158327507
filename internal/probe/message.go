package probe

import (
	"bytes"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// A Message is one datagram of sd_notify, as far as it is understood. What
// asks for more than to be heard, as MAINPID and FDSTORE do, is not in it.
type Message struct {
	PID       int // of the sender, by the kernel's word
	Ready     bool
	Reloading bool
	Stopping  bool
	Status    *string       // one printable line; nil if nothing is said, empty to clear it
	Alive     bool          // WATCHDOG=1
	Trigger   bool          // WATCHDOG=trigger: the service itself says that it has failed
	Watchdog  time.Duration // WATCHDOG_USEC: the new interval; 0 if nothing is said
}

// parseMessage reads the lines of a datagram. A line that is not understood is
// as if it were not there; of two that contradict the last holds. A datagram
// with a NUL in it is no message.
func parseMessage(data []byte) (m Message, ok bool) {
	if bytes.IndexByte(data, 0) >= 0 {
		return Message{}, false
	}
	for line := range strings.SplitSeq(string(data), "\n") {
		name, value, found := strings.Cut(line, "=")
		if found {
			m.take(name, value)
		}
	}
	return m, true
}

func (m *Message) take(name, value string) {
	switch name {
	case "READY":
		m.Ready = m.Ready || value == "1"
	case "RELOADING":
		m.Reloading = m.Reloading || value == "1"
	case "STOPPING":
		m.Stopping = m.Stopping || value == "1"
	case "STATUS":
		if utf8.ValidString(value) {
			text := phrase(value)
			m.Status = &text
		}
	case "WATCHDOG":
		m.Alive = m.Alive || value == "1"
		m.Trigger = m.Trigger || value == "trigger"
	case "WATCHDOG_USEC":
		// At most a year: what lies above would not fit either.
		if usec, err := strconv.ParseUint(value, 10, 64); err == nil && usec <= uint64(365*24*time.Hour/time.Microsecond) {
			m.Watchdog = time.Duration(usec) * time.Microsecond
		}
	}
}
