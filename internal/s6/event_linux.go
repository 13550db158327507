package s6

import "golang.org/x/sys/unix"

// The letters of events.
const (
	eventStart    = "s"
	eventUp       = "u"
	eventReady    = "U"
	eventDown     = "d"
	eventFinished = "D"
	eventFailed   = "O"
	eventExit     = "x"
)

// isListener tells whether name is ftrig1:, a stamp, a colon and six letters,
// as listeners name their FIFOs.
func isListener(name string) bool {
	const prefix, length = "ftrig1:@", len("ftrig1:@") + 24 + 1 + 6
	return len(name) == length && name[:len(prefix)] == prefix && name[length-7] == ':'
}

// notify writes letters to each listener there is and unlinks the FIFOs that
// nobody reads; with no letters it does only that. A listener that is full
// misses them: nobody waits for it.
func (d dir) notify(letters string) error {
	fd, err := unix.Openat(d.fd, eventDir, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC|unix.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	var buf [4096]byte
	for {
		n, err := unix.ReadDirent(fd, buf[:])
		if n <= 0 {
			return err
		}
		_, _, names := unix.ParseDirent(buf[:n], -1, nil)
		for _, name := range names {
			if isListener(name) {
				tell(fd, name, letters)
			}
		}
	}
}

// tell writes to one listener.
func tell(event int, name, letters string) {
	fd, err := unix.Openat(event, name, unix.O_WRONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err == unix.ENXIO {
		// Nobody is hurt if it cannot be unlinked.
		_ = unix.Unlinkat(event, name, 0)
	}
	if err != nil {
		return
	}
	if letters != "" {
		_, _ = unix.Write(fd, []byte(letters))
	}
	unix.Close(fd)
}
