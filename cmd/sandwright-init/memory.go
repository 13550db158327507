//go:build linux

package main

import (
	"bufio"
	"net/http"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	settleTime = 3 * time.Second // from the start until most of what starting needs is over
	gcPercent  = 25              // a small heap that is collected often costs less than a large one
)

// saveMemory keeps the supervisor small: it lives as long as the sandbox, and
// does little. Once the start is over, the pages of the program that only
// starting needed are given back; those that are needed after all come from the
// page cache again. again does the same after what follows, some time later.
func saveMemory() (again func()) {
	debug.SetGCPercent(gcPercent)
	settled := time.AfterFunc(settleTime, func() {
		debug.FreeOSMemory()
		releaseProgram()
	})
	return func() { settled.Reset(settleTime) }
}

// answering answers with h, and gives back afterwards what that needed.
func answering(h http.Handler, again func()) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer again()
		h.ServeHTTP(w, r)
	})
}

// releaseProgram unmaps, until their next use, the read-only pages of this
// program's file. Where that fails, only memory is lost.
func releaseProgram() {
	// Reading needs pages itself, so that it comes before all unmapping.
	for _, s := range programSpans() {
		_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, s.from, s.size, unix.MADV_DONTNEED)
	}
}

// A span is a range of addresses.
type span struct{ from, size uintptr }

// programSpans are the read-only mappings of this program's file; none where
// they cannot be read.
func programSpans() (spans []span) {
	self, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return nil
	}
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		return nil
	}
	defer maps.Close()
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		if from, size, ok := readOnly(lines.Text(), self); ok {
			spans = append(spans, span{from, size})
		}
	}
	return spans
}

// readOnly is the address range of a line of /proc/PID/maps that maps file and
// cannot be written. What could be written may have been, and must stay.
func readOnly(line, file string) (from, size uintptr, ok bool) {
	span, rest, _ := strings.Cut(line, " ")
	first, last, _ := strings.Cut(span, "-")
	start, err := strconv.ParseUint(first, 16, 64)
	end, endErr := strconv.ParseUint(last, 16, 64)
	private := strings.HasPrefix(rest, "r-xp ") || strings.HasPrefix(rest, "r--p ")
	if err != nil || endErr != nil || end <= start || !private || !strings.HasSuffix(line, " "+file) {
		return 0, 0, false
	}
	return uintptr(start), uintptr(end - start), true
}
