package local

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/provider"
)

// A request is what a shim reads on its standard input.
type request struct {
	Config  provider.Config `json:"config"`
	Place   place           `json:"place"`
	Runtime string          `json:"runtime"`
	Laid    []laid          `json:"laid,omitempty"` // over the layers; their contents follow the request
	Edits   int             `json:"edits,omitempty"`

	contents [][]byte
}

// An answer is what a shim says once, when the supervisor answers or the start
// has failed.
type answer struct {
	Record *record  `json:"record,omitempty"`
	Faults []failed `json:"faults,omitempty"`
}

// A failed is a fault on its way between two processes.
type failed struct {
	What    string `json:"what"`
	Hint    string `json:"hint,omitempty"`
	Code    int    `json:"code,omitempty"`
	Running bool   `json:"running,omitempty"` // it wraps provider.ErrRunning
}

// Descriptors of a shim beside its standard input.
const (
	lifelineFD = 3 // one byte means keep; an end without it means end the sandbox
	answerFD   = 4
)

// dropPatience bounds the wait for a shim to end its sandbox.
const dropPatience = 30 * time.Second

// A waiting shim has been started, and reads what to start from requests.
type waiting struct {
	process  *os.Process
	line     *lifeline
	requests *os.File
	answers  *os.File
}

// launch returns once the shim has answered.
func (w *waiting) launch(ctx context.Context, req request) (provider.Sandbox, error) {
	defer w.answers.Close()
	go func() {
		defer w.requests.Close()
		_ = req.write(w.requests)
	}()
	said := make(chan answer, 1)
	go func() {
		var a answer
		_ = json.NewDecoder(w.answers).Decode(&a)
		said <- a
	}()
	var err error
	select {
	case a := <-said:
		if a.Record != nil {
			return &sandbox{place: req.Place, rec: *a.Record, line: w.line}, nil
		}
		err = a.err()
	case <-ctx.Done():
		err = ctx.Err()
	}
	w.line.drop()
	return nil, errors.Join(err, bury(w.process, req.Place))
}

// drop ends a shim that was not told what to start.
func (w *waiting) drop() {
	w.requests.Close()
	w.answers.Close()
	w.line.drop()
	_, _ = w.process.Wait()
}

// err is nil only for an answer that says nothing.
func (a answer) err() error {
	var faults fault.List
	for _, f := range a.Faults {
		one := &fault.Fault{What: f.What, Hint: f.Hint, Code: f.Code}
		if f.Running {
			one.Err = provider.ErrRunning
		}
		faults = append(faults, one)
	}
	if len(faults) == 0 {
		return fault.Cannot("start a sandbox: its shim ended without a word")
	}
	return faults.Err()
}

// spawn starts a shim in namespaces of its own.
func spawn(self []string) (*waiting, error) {
	input, requests, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer input.Close()
	answers, answerEnd, err := os.Pipe()
	if err != nil {
		requests.Close()
		return nil, err
	}
	defer answerEnd.Close()
	line, lineEnd, err := newLifeline()
	if err != nil {
		requests.Close()
		answers.Close()
		return nil, err
	}
	defer lineEnd.Close()
	cmd := exec.Command(self[0], self[1:]...)
	cmd.Stdin, cmd.ExtraFiles, cmd.Dir = input, []*os.File{lineEnd, answerEnd}, "/"
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	cmd.SysProcAttr = &unix.SysProcAttr{Setsid: true, Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWPID}
	if err := cmd.Start(); err != nil {
		requests.Close()
		answers.Close()
		line.drop()
		return nil, err
	}
	return &waiting{cmd.Process, line, requests, answers}, nil
}

// bury waits until a shim that was told to end has ended, and removes what it
// could not remove itself.
func bury(shim *os.Process, p place) error {
	timer := time.AfterFunc(dropPatience, func() { _ = shim.Kill() })
	defer timer.Stop()
	_, _ = shim.Wait()
	if err := p.sweep(); err != nil && !errors.Is(err, errHeld) {
		return fault.Cannot("clear what a sandbox left in %s: %w", p.dir(), err)
	}
	return nil
}
