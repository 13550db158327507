package local

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// hostProc is the host's /proc, opened before the shim mounts its own: it
// knows processes by the pids that the host knows.
type hostProc struct{ dir *os.File }

func (h hostProc) read(name string) (string, error) {
	fd, err := unix.Openat(int(h.dir.Fd()), name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", err
	}
	f := os.NewFile(uintptr(fd), name)
	defer f.Close()
	text, err := io.ReadAll(f)
	return string(text), err
}

// self is this process.
func (h hostProc) self() (process, error) {
	stat, err := h.read("self/stat")
	if err != nil {
		return process{}, err
	}
	return parseStat(stat)
}

// pid is the host's number for a process of this pid namespace.
func (h hostProc) pid(inner int) (int, error) {
	fd, err := unix.PidfdOpen(inner, 0)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	info, err := h.read(fmt.Sprintf("self/fdinfo/%d", fd))
	if err != nil {
		return 0, err
	}
	lines := bufio.NewScanner(strings.NewReader(info))
	for lines.Scan() {
		if pid, ok := strings.CutPrefix(lines.Text(), "Pid:"); ok {
			return strconv.Atoi(strings.TrimSpace(pid))
		}
	}
	return 0, os.ErrProcessDone
}
