package s6

import (
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// confSize is how much of a file of configuration is looked at, in bytes.
const confSize = 256

// maxFD is the highest descriptor that notification-fd and lock-fd may name.
const maxFD = 65535

// number reads a file that holds an unsigned number. ok is false if there is
// no such file, or no number in it.
func (d dir) number(name string) (n int, ok bool) {
	text, err := d.read(name, confSize)
	if err != nil {
		return 0, false
	}
	value, err := strconv.ParseUint(strings.TrimRight(string(text), " \t\r\n"), 10, 32)
	return int(value), err == nil
}

// descriptor reads notification-fd or lock-fd; -1 is none.
func (d dir) descriptor(name string) int {
	if n, ok := d.number(name); ok && n <= maxFD {
		return n
	}
	return -1
}

// milliseconds reads a timeout; otherwise is for no file and for nonsense.
func (d dir) milliseconds(name string, otherwise time.Duration) time.Duration {
	if n, ok := d.number(name); ok {
		return time.Duration(n) * time.Millisecond
	}
	return otherwise
}

// tallyLimit reads max-death-tally.
func (d dir) tallyLimit() int {
	if n, ok := d.number("max-death-tally"); ok {
		return min(n, tallyMost)
	}
	return tallyDefault
}

// downSignal reads down-signal. ok is false if it holds no signal; SIGTERM it
// is then.
func (d dir) downSignal() (sig syscall.Signal, ok bool) {
	text, err := d.read("down-signal", confSize)
	if err != nil {
		return unix.SIGTERM, true
	}
	if sig := parseSignal(strings.TrimRight(string(text), " \t\r\n")); sig != 0 {
		return sig, true
	}
	return unix.SIGTERM, false
}

// parseSignal takes 15, TERM and SIGTERM, in letters of any size; 0 is none.
func parseSignal(text string) syscall.Signal {
	if n, err := strconv.Atoi(text); err == nil {
		if n < 1 || n > 64 {
			return 0
		}
		return syscall.Signal(n)
	}
	return unix.SignalNum("SIG" + strings.TrimPrefix(strings.ToUpper(text), "SIG"))
}
