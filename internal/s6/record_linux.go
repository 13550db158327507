package s6

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/loop"
)

// What a supervisor that is killed leaves running is ended by the next one,
// before it starts anything: a service never runs twice.

// leftoverPoll is how often it is looked whether what a predecessor has left
// is gone. It is no child of ours.
const leftoverPoll = 20 * time.Millisecond

// A leftover is a process of a predecessor; pid 0 is none.
type leftover struct {
	pid   int
	since uint64 // its start, in clock ticks since the machine's
	alarm *loop.Alarm
	until time.Time // SIGKILL comes then
	start bool      // run is to be started once it is gone
}

// remember writes down what runs.
func (s *Service) remember(pid int) {
	since, ok := startOf(pid)
	if !ok {
		return
	}
	if err := s.dir.replace(recordFile, fmt.Appendf(nil, "%d %d\n", pid, since)); err != nil {
		s.complain("cannot write down what runs", err)
	}
}

// forget removes what remember wrote.
func (s *Service) forget() { _ = unix.Unlinkat(s.dir.fd, recordFile, 0) }

// endLeftover asks what a predecessor has left to end. Until it has, nothing is
// started.
func (s *Service) endLeftover() {
	text, err := s.dir.read(recordFile, confSize)
	if err != nil {
		return
	}
	pid, since, ok := parseRecord(string(text))
	if !ok || !runs(pid, since) {
		s.forget()
		return
	}
	s.left = leftover{pid: pid, since: since, until: time.Now().Add(s.o.Grace)}
	s.state.Reason = fmt.Sprintf("ending process %d, which an earlier supervisor has left", pid)
	s.o.Say(s.o.Name + ": " + s.state.Reason)
	// They fail when it has just ended.
	_ = s.o.Host.Signal(-pid, unix.SIGTERM)
	_ = s.o.Host.Signal(-pid, unix.SIGCONT)
	s.left.alarm = s.o.Loop.After(leftoverPoll, s.awaitLeftover)
}

// awaitLeftover goes on once what a predecessor has left is gone.
func (s *Service) awaitLeftover() {
	if runs(s.left.pid, s.left.since) {
		if time.Now().After(s.left.until) {
			_ = s.o.Host.Signal(-s.left.pid, unix.SIGKILL)
		}
		s.left.alarm = s.o.Loop.After(leftoverPoll, s.awaitLeftover)
		return
	}
	start := s.left.start
	s.left, s.state.Reason = leftover{}, ""
	s.forget()
	if start {
		s.start()
		return
	}
	s.o.Changed(s)
}

func parseRecord(text string) (pid int, since uint64, ok bool) {
	fields := strings.Fields(text)
	if len(fields) != 2 {
		return 0, 0, false
	}
	pid, err1 := strconv.Atoi(fields[0])
	since, err2 := strconv.ParseUint(fields[1], 10, 64)
	return pid, since, err1 == nil && err2 == nil && pid > 1
}

// runs tells whether the process pid is the one that started then, and is no
// zombie.
func runs(pid int, since uint64) bool {
	started, ok := startOf(pid)
	return ok && started == since
}

// startOf is when a process started, in clock ticks since the machine's start.
// ok is false for one that is gone, or a zombie.
func startOf(pid int) (ticks uint64, ok bool) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, false
	}
	// The second field, in parentheses, may hold anything.
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) < 20 || fields[0] == "Z" || fields[0] == "X" {
		return 0, false
	}
	ticks, err = strconv.ParseUint(fields[19], 10, 64)
	return ticks, err == nil
}
