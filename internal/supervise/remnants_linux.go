package supervise

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/sandwright/sandwright/internal/loop"
)

const (
	remnantTime  = 10 * time.Second      // for what a predecessor left, to end
	remnantPause = 20 * time.Millisecond // between looks at it
)

// endRemnants ends the processes of the runs that a predecessor has left, so
// that no service runs twice: SIGTERM first, SIGKILL after remnantTime.
func (r *records) endRemnants(say func(string)) error {
	return r.endRemnantsWithin(remnantTime, killTime, say)
}

func (r *records) endRemnantsWithin(gentle, hard time.Duration, say func(string)) error {
	traces, err := r.read()
	if err != nil || len(traces) == 0 {
		return err
	}
	if signalRemnants(traces, syscall.SIGTERM, say) > 0 {
		waitForRemnants(traces, gentle)
	}
	if signalRemnants(traces, syscall.SIGKILL, say) > 0 {
		waitForRemnants(traces, hard)
	}
	if left := remnants(traces); len(left) > 0 {
		return fmt.Errorf("cannot end process %d, which an earlier supervisor left", left[0])
	}
	for _, t := range traces {
		r.end(t.service)
	}
	return nil
}

// signalRemnants sends sig to all of them, says so, and gives their number.
func signalRemnants(traces []trace, sig syscall.Signal, say func(string)) int {
	reached := 0
	for _, t := range traces {
		if left := remnants([]trace{t}); len(left) > 0 {
			say(fmt.Sprintf("%s: an earlier supervisor left %d of its processes, sending %s", t.service, len(left), signalName(sig)))
			for _, pid := range left {
				_ = syscall.Kill(pid, sig)
				_ = syscall.Kill(pid, syscall.SIGCONT)
			}
			reached += len(left)
		}
	}
	return reached
}

// waitForRemnants returns when all are gone, or after d.
func waitForRemnants(traces []trace, d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end) && len(remnants(traces)) > 0; {
		time.Sleep(remnantPause)
		// As a subreaper we may have become the parent of some.
		for _, _, ok := loop.Wait4(); ok; _, _, ok = loop.Wait4() {
			continue
		}
	}
}

// remnants lists the processes of earlier runs.
func remnants(traces []trace) []int {
	if len(traces) == 0 {
		return nil
	}
	var found []int
	for _, pid := range processes() {
		if pid > 1 && pid != os.Getpid() && isRemnant(pid, traces) {
			found = append(found, pid)
		}
	}
	return found
}

// processes lists all that /proc has; none where it cannot be read.
func processes() (pids []int) {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// isRemnant tells whether any trace knows the process. One that cannot be
// looked at is not ours.
func isRemnant(pid int, traces []trace) bool {
	stat, ok := readStat(pid)
	if !ok || stat.state == 'Z' {
		return false
	}
	for _, t := range traces {
		if t.pid != 0 && (pid == t.pid && stat.start == t.start || pid != t.pid && stat.session == t.pid && stat.start >= t.start) {
			return true
		}
	}
	return holdsPipe(pid, traces)
}

// holdsPipe tells whether the process can write to the log of an earlier run.
func holdsPipe(pid int, traces []trace) bool {
	dir := filepath.Join("/proc", strconv.Itoa(pid), "fd")
	fds, err := os.ReadDir(dir)
	if err != nil {
		return false
	}
	for _, fd := range fds {
		target, err := os.Readlink(filepath.Join(dir, fd.Name()))
		for _, t := range traces {
			if err == nil && t.pipes[target] {
				return true
			}
		}
	}
	return false
}

// A procStat is what matters of a /proc/PID/stat.
type procStat struct {
	state           byte
	parent, session int
	start           uint64 // in clock ticks since the machine started
}

func readStat(pid int) (procStat, bool) {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return procStat{}, false
	}
	return parseStat(string(text))
}

// parseStat reads the fields of proc(5) after the second, which stands in
// parentheses and may hold anything.
func parseStat(text string) (procStat, bool) {
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	if len(fields) < 20 || len(fields[0]) != 1 {
		return procStat{}, false
	}
	s := procStat{state: fields[0][0]}
	var errs [3]error
	s.parent, errs[0] = strconv.Atoi(fields[1])
	s.session, errs[1] = strconv.Atoi(fields[3])
	s.start, errs[2] = strconv.ParseUint(fields[19], 10, 64)
	return s, errs == [3]error{}
}

// startOf is when the process was started; 0 when it is gone.
func startOf(pid int) uint64 {
	s, _ := readStat(pid)
	return s.start
}
