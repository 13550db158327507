//go:build linux

// Command service is the lightest thing to supervise: it adds the time of its
// start to the file starts in its directory, writes one line, tells that it is
// ready on descriptor 3, and waits for a signal.
package main

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

func main() {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		os.Exit(1)
	}
	fd, err := unix.Open("starts", unix.O_WRONLY|unix.O_CREAT|unix.O_APPEND|unix.O_CLOEXEC, 0o644)
	if err != nil {
		os.Exit(1)
	}
	say(fd, strconv.FormatInt(now.Nano(), 10)+"\n")
	say(1, "up\n")
	say(3, "\n")
	for {
		_ = unix.Pause()
	}
}

func say(fd int, text string) {
	if _, err := unix.Write(fd, []byte(text)); err != nil {
		os.Exit(1)
	}
	if fd > 1 {
		unix.Close(fd)
	}
}
