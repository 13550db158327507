package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// A process is a pid with the time it began, in ticks since boot: the two are
// never the same again.
type process struct {
	PID   int    `json:"pid"`
	Start uint64 `json:"start"`
}

// open gives a descriptor of the process, or os.ErrProcessDone.
func (p process) open() (*os.File, error) {
	fd, err := unix.PidfdOpen(p.PID, 0)
	if err != nil {
		return nil, os.ErrProcessDone
	}
	f := os.NewFile(uintptr(fd), "pidfd")
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.PID))
	if now, parseErr := parseStat(string(stat)); err != nil || parseErr != nil || now != p {
		f.Close()
		return nil, os.ErrProcessDone
	}
	return f, nil
}

// parseStat reads /proc/PID/stat. The second field may hold spaces.
func parseStat(stat string) (process, error) {
	pid, rest, _ := strings.Cut(stat, " ")
	fields := strings.Fields(rest[strings.LastIndexByte(rest, ')')+1:])
	if len(fields) < 20 {
		return process{}, errors.New("cannot read a process's stat")
	}
	number, err := strconv.Atoi(pid)
	if err != nil {
		return process{}, err
	}
	start, err := strconv.ParseUint(fields[19], 10, 64)
	return process{PID: number, Start: start}, err
}

// waitGone returns once the process behind pidfd has ended, and reaps it when
// it is a child of this one; or before that, once enough says so.
func waitGone(ctx context.Context, pid int, pidfd *os.File, enough func() bool) error {
	for !enough() {
		fds := []unix.PollFd{{Fd: int32(pidfd.Fd()), Events: unix.POLLIN}}
		n, err := unix.Poll(fds, 2)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return err
		}
		if n > 0 {
			_, _ = unix.Wait4(pid, nil, unix.WNOHANG, nil)
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}
