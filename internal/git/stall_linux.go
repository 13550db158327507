package git

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// watch ends a git that waits, for longer than after, for something which
// never comes, such as the writer of a fifo called .gitignore: its processor
// time stands still.
func watch(ctx context.Context, pid int, after time.Duration, fail func(error)) {
	last, since := "", time.Now()
	tick := time.NewTicker(time.Second)
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
		if time.Since(since) > after {
			fail(errors.New("git waits for a file that gives nothing, perhaps a fifo called .gitignore"))
			return
		}
	}
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
