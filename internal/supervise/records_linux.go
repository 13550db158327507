package supervise

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/sandwright/sandwright/internal/fault"
)

// records say what runs, for a supervisor that comes after one that was
// killed. There is a file for each service that has a process, with a line for
// each thing by which a process of its run is known:
//
//	pipe:[INODE]    it holds the pipe to the service's log
//	PID START       it is that process, or in its session; START is the 22nd
//	                field of /proc/PID/stat
//
// The pipes are on record before the program is started, so that there is no
// moment in which a process runs and is not known.
type records struct{ dir string }

// openRecords makes the place for records below dir. They are nil, which
// records nothing, for PID 1: nothing outlives that.
func openRecords(dir string) (*records, error) {
	if os.Getpid() == 1 {
		return nil, nil
	}
	r := &records{filepath.Join(dir, "runs")}
	if err := os.MkdirAll(r.dir, 0o700); err != nil {
		return nil, fault.Cannot("keep a record of what runs: %w", err).
			WithHint("let the supervisor write to %s, or run: sandwright-init --socket PATH", dir)
	}
	return r, nil
}

func (r *records) path(service string) string { return filepath.Join(r.dir, service) }

// begin records the pipes of a run that will be started.
func (r *records) begin(service string, pipes []string) error {
	if r == nil {
		return nil
	}
	return r.replace(service, strings.Join(pipes, "\n")+"\n")
}

func (r *records) replace(service, text string) error {
	// A name that no service can have.
	temp := r.path(".new")
	if err := os.WriteFile(temp, []byte(text), 0o600); err != nil {
		return err
	}
	return os.Rename(temp, r.path(service))
}

// note adds the process of a run that has been started. Where that fails, the
// pipes are known.
func (r *records) note(service string, pid int) {
	if r == nil {
		return
	}
	f, err := os.OpenFile(r.path(service), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return
	}
	defer f.Close()
	_, _ = fmt.Fprintf(f, "%d %d\n", pid, startOf(pid))
}

// end forgets a run of which nothing is left.
func (r *records) end(service string) {
	if r != nil {
		_ = os.Remove(r.path(service))
	}
}

// A trace is by what the processes of one earlier run are known.
type trace struct {
	service string
	pipes   map[string]bool
	pid     int // 0 when unknown
	start   uint64
}

// read gives the records that a predecessor has left.
func (r *records) read() ([]trace, error) {
	if r == nil {
		return nil, nil
	}
	entries, err := os.ReadDir(r.dir)
	if err != nil {
		return nil, err
	}
	var all []trace
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		text, readErr := os.ReadFile(r.path(e.Name()))
		err = errors.Join(err, readErr)
		all = append(all, parseTrace(e.Name(), string(text)))
	}
	return all, err
}

// parseTrace reads a record; a line that is cut off or strange is left out.
func parseTrace(service, text string) trace {
	t := trace{service: service, pipes: map[string]bool{}}
	lines := strings.Split(text, "\n")
	for _, line := range lines[:len(lines)-1] {
		pid, start, two := strings.Cut(line, " ")
		switch {
		case strings.HasPrefix(line, "pipe:[") && strings.HasSuffix(line, "]"):
			t.pipes[line] = true
		case two:
			n, err := strconv.Atoi(pid)
			at, startErr := strconv.ParseUint(start, 10, 64)
			if err == nil && startErr == nil && n > 1 {
				t.pid, t.start = n, at
			}
		}
	}
	return t
}
