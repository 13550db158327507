package logview

import "golang.org/x/sys/unix"

// openFlags keeps a fifo or a link that took the file's place from blocking or
// leading us; openDir takes folders only.
const (
	openFlags = unix.O_NONBLOCK | unix.O_NOFOLLOW
	openDir   = unix.O_DIRECTORY
)
