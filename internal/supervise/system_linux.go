package supervise

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/spec"
	"github.com/sandwright/sandwright/internal/svlog"
)

// System is the Host that is the machine: as PID 1 it is answerable for every
// process, otherwise, as a child subreaper, for all below itself.
type System struct {
	logDir string
	say    func(string)
	deaths chan os.Signal
	logs   map[string]*svlog.Log // by service; open from its first launch on
}

// NewSystem makes this process the one that orphans are left to. say hears of
// logs that cannot be written; it must not block.
func NewSystem(s spec.Spec, say func(string)) (*System, error) {
	if os.Getpid() != 1 {
		if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
			return nil, fmt.Errorf("cannot become a child subreaper: %w", err)
		}
	}
	sys := &System{logDir: logDir(s), say: say, deaths: make(chan os.Signal, 1), logs: map[string]*svlog.Log{}}
	signal.Notify(sys.deaths, unix.SIGCHLD)
	return sys, nil
}

// Close finishes the logs. Call it when the supervisor has ended.
func (y *System) Close() error {
	signal.Stop(y.deaths)
	var err error
	for _, log := range y.logs {
		err = errors.Join(err, log.Close())
	}
	return err
}

// log is the log of a service, opened when it is first asked for.
func (y *System) log(name string, rotation spec.Rotation) (*svlog.Log, error) {
	if log := y.logs[name]; log != nil {
		return log, nil
	}
	alert := func(err error) { y.say(fmt.Sprintf("%s: cannot write its log, trying again: %v", name, err)) }
	log, err := svlog.Open(filepath.Join(y.logDir, name), rotation, alert)
	if err != nil {
		return nil, fmt.Errorf("cannot open its log: %w", err)
	}
	y.logs[name] = log
	return log, nil
}

// Deaths is told of every SIGCHLD.
func (y *System) Deaths() <-chan os.Signal { return y.deaths }

// Reap collects one child.
func (y *System) Reap() (Death, bool) {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		if err != syscall.EINTR {
			return Death{PID: pid, Status: status}, err == nil && pid > 0
		}
	}
}

// Signal reaches the group of pid.
func (y *System) Signal(pid int, sig syscall.Signal) bool { return syscall.Kill(-pid, sig) == nil }

// SignalRest reaches, as PID 1, every process there is, and otherwise this
// process's children, which orphans become.
func (y *System) SignalRest(sig syscall.Signal) bool {
	if os.Getpid() == 1 {
		return syscall.Kill(-1, sig) == nil
	}
	reached := false
	for _, pid := range children() {
		reached = syscall.Kill(pid, sig) == nil || reached
	}
	return reached
}

// children lists this process's children, those of all its threads.
func children() []int {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	var pids []int
	for _, path := range stats {
		// A process that is gone by now is nobody's child.
		if text, err := os.ReadFile(path); err == nil && parent(string(text)) == os.Getpid() {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			pids = append(pids, pid)
		}
	}
	return pids
}

// parent is the fourth field of a /proc/PID/stat. The second, in parentheses,
// may hold anything.
func parent(stat string) int {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < 2 {
		return 0
	}
	pid, _ := strconv.Atoi(fields[1])
	return pid
}
