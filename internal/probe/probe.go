// Package probe finds out how a service is: by asking it over HTTP, TCP or
// gRPC or with a command, or by hearing what it says itself: a newline on a
// descriptor, a line of its output, sd_notify. As in Kubernetes a probe has
// one of three uses: to learn that the service has started, that it is ready,
// that it is still alive. A probe belongs to one run of its service and ends
// with it. What a service answers is hostile: every answer is bounded in size
// and time, and what is shown of it is made printable. Standard library only.
package probe

import (
	"context"
	"errors"

	"github.com/sandwright/sandwright/internal/spec"
)

// A Check is one way to ask a service how it is.
type Check interface {
	// Try asks once. It returns how the service showed that it is well, such
	// as "GET /health 200", or a short reason why it is not, which may be a
	// *Failure. It returns soon after ctx has ended.
	Try(ctx context.Context) (how string, err error)
}

// A Host gives a check what it needs of its service's run.
type Host interface {
	// Exec runs argv as the service is run: same user, directory, environment
	// and limits. It kills argv's process group when ctx ends. It returns the
	// first part of the output, how the command ended, such as "exited 1", and
	// whether that is well. The error says why it could not be run.
	Exec(ctx context.Context, argv []string) (output []byte, ended string, ok bool, err error)
}

// A Failure is why an attempt has failed, and what was seen.
type Failure struct {
	Reason string // one short line
	Detail string // the first lines of the body or output: printable, at most 10 and 1 KB; may be empty
	late   bool   // it was time that ran out
}

// Error is the reason alone.
func (f *Failure) Error() string { return f.Reason }

// A Use is what a probe is for.
type Use int

// The uses.
const (
	Start Use = iota // whether the service has come up; nothing else is asked before
	Ready            // whether it can take work
	Live             // whether it still works; if not, it is to be restarted
)

// String is the use's key in a service's declaration.
func (u Use) String() string { return [...]string{"start", "ready", "live"}[u] }

// New makes the check that p describes: http, tcp, exec or grpc. The other
// kinds are not asked but heard: NewLine, Newline, Heard and Watchdog. Only the
// check of exec uses h. The error names the first thing that is wrong with p;
// Flaws has all of them.
func New(p spec.Probe, h Host) (Check, error) {
	if flaws := kindFlaws(p); len(flaws) > 0 {
		return nil, errors.New(flaws[0])
	}
	switch {
	case p.HTTP != "":
		return newHTTP(p)
	case p.TCP != "":
		return newTCP(p), nil
	case len(p.Exec) > 0:
		return &command{argv: p.Exec, host: h}, nil
	case p.GRPC != "":
		return newGRPC(p)
	}
	return nil, errors.New("it is of a kind that cannot be asked")
}
