package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/spec"
)

// events is the part of a control client that waiting needs.
type events interface {
	// Events calls f with the status now and after each change, until f or
	// the connection gives an error, which it returns.
	Events(ctx context.Context, f func(spec.Status) error) error
}

// errDone ends a wait that has what it waited for.
var errDone = errors.New("done")

// undone is err, unless it is errDone. A wait that ended without a word did
// not get what it waited for.
func undone(err error) error {
	switch {
	case errors.Is(err, errDone):
		return nil
	case err == nil:
		return fault.Cannot("wait any longer: the sandbox has ended").WithHint("run: sandwright up")
	}
	return err
}

// waitReady writes a line for each change of a service to w until all are
// ready. When one cannot become so, the fault names it and those that wait for
// it; the last status comes with it.
func waitReady(ctx context.Context, client events, w io.Writer) (spec.Status, error) {
	var last spec.Status
	shown := map[string]string{}
	err := client.Events(ctx, func(s spec.Status) error {
		last = s
		for _, service := range s.Services {
			if line := progressLine(service); line != shown[service.Name] {
				shown[service.Name] = line
				fmt.Fprintf(w, "%s: %s\n", service.Name, line)
			}
		}
		if s.Ready {
			return errDone
		}
		return failures(s).Err()
	})
	return last, undone(err)
}

// failures names every service that cannot become ready: those that failed or
// were stopped, and, when there is one, those that wait.
func failures(s spec.Status) fault.List {
	var stuck, waiting fault.List
	for _, service := range s.Services {
		switch service.State {
		case spec.StateFailed:
			stuck = append(stuck, notReady(service))
		case spec.StateStopped:
			stuck = append(stuck, fault.Cannot("get %s ready: it was stopped", service.Name).WithHint("run: sandwright start %s", service.Name))
		case spec.StateWaiting:
			waiting = append(waiting, notReady(service).WithHint("")) // its reason names the other one
		}
	}
	if len(stuck) == 0 && !s.Failed {
		return nil
	}
	return append(stuck, waiting...)
}

// progressLine is one service's state in a few words. Why it is not ready yet
// is left to ps: that changes with every attempt.
func progressLine(s spec.ServiceStatus) string {
	switch s.State {
	case spec.StateReady:
		return fmt.Sprintf("ready after %s (%s)", short(s.ReadyAfter.Std()), printable(s.ReadyBy))
	case spec.StateWaiting:
		on, _, _ := strings.Cut(s.Reason, ": ")
		return printable(on)
	case spec.StateStarting:
		return string(s.State)
	}
	return strings.TrimSuffix(fmt.Sprintf("%s: %s", s.State, printable(s.Reason)), ": ")
}
