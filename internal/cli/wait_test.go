package cli

import (
	"bytes"
	"context"
	"io"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sandwright/sandwright/internal/spec"
)

// told is a supervisor that says these statuses, and then hangs up.
type told []spec.Status

func (s told) Events(_ context.Context, each func(spec.Status) error) error {
	for _, status := range s {
		if err := each(status); err != nil {
			return err
		}
	}
	return io.ErrUnexpectedEOF
}

func status(ready, failed bool, services ...spec.ServiceStatus) spec.Status {
	return spec.Status{Ready: ready, Failed: failed, Services: services}
}

func service(name string, state spec.State, reason string) spec.ServiceStatus {
	return spec.ServiceStatus{Name: name, State: state, Reason: reason, ReadyBy: "GET / 200", ReadyAfter: spec.Duration(time.Second)}
}

func TestWaitReadySaysEachChangeOnce(t *testing.T) {
	var out bytes.Buffer
	last, err := waitReady(t.Context(), told{
		status(false, false, service("a", spec.StateStarting, "GET /: connection refused"), service("b", spec.StateWaiting, "waiting for a: starting: GET /")),
		status(false, false, service("a", spec.StateStarting, "GET /: 503"), service("b", spec.StateWaiting, "waiting for a: starting: GET /: 503")),
		status(false, false, service("a", spec.StateBackoff, "exited 1"), service("b", spec.StateWaiting, "waiting for a: backoff")),
		status(true, false, service("a", spec.StateReady, ""), service("b", spec.StateReady, "")),
	}, &out)
	if err != nil || !last.Ready {
		t.Errorf("got %v, %+v", err, last)
	}
	const want = "a: starting\nb: waiting for a\na: backoff: exited 1\na: ready after 1s (GET / 200)\nb: ready after 1s (GET / 200)\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}

func TestWaitReadyNamesWhoFailedAndWhoWaits(t *testing.T) {
	_, err := waitReady(t.Context(), told{status(false, true,
		service("a", spec.StateFailed, "not ready after 3s"), service("b", spec.StateWaiting, "waiting for a: failed: not ready after 3s"),
		service("c", spec.StateReady, ""))}, io.Discard)
	const want = "cannot get a ready: not ready after 3s\ncannot get b ready: waiting for a: failed: not ready after 3s"
	if err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

func TestWaitReadyReportsABrokenConnection(t *testing.T) {
	if _, err := waitReady(t.Context(), told{status(false, false)}, io.Discard); err == nil {
		t.Error("a supervisor that went away is no success")
	}
}

func TestSettledWaitsForOneService(t *testing.T) {
	for state, good := range map[spec.State]bool{spec.StateReady: true, spec.StateExited: true, spec.StateFailed: false} {
		got, err := settled(t.Context(), told{
			status(false, false, service("a", spec.StateStarting, "")),
			status(false, false, service("a", state, "why"), service("b", spec.StateFailed, "not asked about")),
		}, "a")
		if (err == nil) != good || got.State != state {
			t.Errorf("%s: %+v, %v", state, got, err)
		}
	}
}
