package git

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// watch ends a git that waits, for longer than after, for something which
// never comes, such as the writer of a fifo called .gitignore: its processor
// time stands still. Where the kernel says that it is a fifo, a twentieth of
// that is enough.
func watch(ctx context.Context, pid int, after time.Duration, fail func(error)) {
	last, since := "", time.Now()
	tick := time.NewTicker(min(500*time.Millisecond, after))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := activity(pid)
		if now != last {
			last, since = now, time.Now()
		}
		waited := time.Since(since)
		if waited > after/20 {
			if path := waitsFor(pid); path != "" {
				fail(&waiting{path})
				return
			}
		}
		if waited > after {
			fail(errors.New("git waits for a file that gives nothing, perhaps a fifo called .gitignore"))
			return
		}
	}
}

// maxMemory bounds, in bytes, what a git keeps in memory beside the packs that
// it maps: a file of the repository may have no end, as /dev/zero has none. The
// list of a million files takes 300 MB.
const maxMemory = 2 << 30

// bounded is a command that runs with its memory bounded from its first
// instruction: a limit that is set once it runs may come after what it bounds.
func bounded(program string, args []string) []string {
	var now unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_DATA, &now) != nil {
		return append([]string{program}, args...)
	}
	most := min(now.Cur, now.Max, maxMemory) / 1024
	return append([]string{"/bin/sh", "-c", `ulimit -d "$0" && exec "$@"`, strconv.FormatUint(most, 10), program}, args...)
}

// waitsFor gives the fifo that a process waits to open, or to read, and "" where
// it waits for something else or nobody may know. What it asks of the kernel is
// in /proc/PID/syscall, see proc(5).
func waitsFor(pid int) string {
	proc := fmt.Sprintf("/proc/%d/", pid)
	asked, err := os.ReadFile(proc + "syscall")
	var call, first, second uint64
	if _, scanned := fmt.Sscanf(string(asked), "%d 0x%x 0x%x", &call, &first, &second); err != nil || scanned != nil {
		return ""
	}
	path := ""
	switch call {
	case unix.SYS_OPENAT:
		path = textAt(proc+"mem", int64(second))
		if cwd, err := os.Readlink(proc + "cwd"); err == nil && path != "" && !filepath.IsAbs(path) {
			path = filepath.Join(cwd, path)
		}
	case unix.SYS_READ:
		path, _ = os.Readlink(fmt.Sprintf("%sfd/%d", proc, first))
	}
	if info, err := os.Stat(path); err != nil || info.Mode()&os.ModeNamedPipe == 0 || !filepath.IsAbs(path) {
		return ""
	}
	return path
}

// textAt reads a text that ends with a NUL from the memory of a process.
func textAt(mem string, at int64) string {
	f, err := os.Open(mem)
	if err != nil {
		return ""
	}
	defer f.Close()
	buf := make([]byte, unix.PathMax)
	n, _ := f.ReadAt(buf, at) // it may end where memory does
	text, _, ended := strings.Cut(string(buf[:n]), "\x00")
	if !ended {
		return ""
	}
	return text
}

// activity changes when a process computes.
// It is read from proc(5)'s stat: state, utime and stime.
func activity(pid int) string {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(after)
	if len(fields) < 13 || fields[0] != "S" {
		return time.Now().String() // it computes, or waits for a disk
	}
	return fields[11] + " " + fields[12]
}
