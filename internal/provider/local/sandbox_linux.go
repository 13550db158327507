package local

import (
	"context"
	"errors"
	"net"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/provider"
)

// A sandbox is a handle; line is closed on one that was found, not started.
type sandbox struct {
	place place
	rec   record
	line  *lifeline
}

func newSandbox(p place, rec record) *sandbox {
	return &sandbox{place: p, rec: rec, line: &lifeline{fd: -1}}
}

// Info implements provider.Sandbox.
func (s *sandbox) Info() provider.Info {
	info := s.rec.Info
	info.Ports = slices.Clone(info.Ports)
	return info
}

// Keep implements provider.Sandbox.
func (s *sandbox) Keep() error {
	if err := s.line.keep(); err != nil {
		return fault.Cannot("keep sandbox %q: it has ended: %w", s.rec.Info.Name, err)
	}
	return nil
}

// Control implements provider.Sandbox.
func (s *sandbox) Control(ctx context.Context) (net.Conn, error) {
	conn, err := s.place.dial(ctx, controlSocket)
	if err != nil {
		return nil, fault.Cannot("reach the supervisor of sandbox %q: %w", s.rec.Info.Name, err).WithHint("run: sandwright ps")
	}
	return conn, nil
}

// Stop implements provider.Sandbox.
func (s *sandbox) Stop(ctx context.Context) error {
	return s.stop(ctx, func() bool { return false })
}

// stop returns once nothing is left, or once that is enough.
func (s *sandbox) stop(ctx context.Context, enough func() bool) error {
	defer s.line.drop()
	pidfd, err := s.rec.Shim.open()
	if err == nil {
		defer pidfd.Close()
		_ = unix.PidfdSendSignal(int(pidfd.Fd()), unix.SIGTERM, nil, 0)
		if err := waitGone(ctx, s.rec.Shim.PID, pidfd, enough); err != nil {
			return fault.Cannot("wait for the end of sandbox %q: %w", s.rec.Info.Name, err).WithHint("run: sandwright down")
		}
	}
	if err := s.place.sweep(); err != nil && !errors.Is(err, errHeld) {
		return fault.Cannot("clear what sandbox %q left in %s: %w", s.rec.Info.Name, s.place.dir(), err)
	}
	return nil
}
