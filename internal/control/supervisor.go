package control

import (
	"context"
	"syscall"

	"github.com/sandwright/sandwright/internal/spec"
)

// A Supervisor is what a Handler speaks for. Its errors are faults, which may
// wrap ErrUnknown or ErrStopping, or the error of ctx.
type Supervisor interface {
	// Watch gives the status now and after changes, the newest only, and
	// closes the channel when ctx or the supervisor ends.
	Watch(ctx context.Context) <-chan spec.Status
	// Do returns when the action is done.
	Do(ctx context.Context, action Action, service string) (spec.ServiceStatus, error)
	// Signal sends sig to the service's process group, or to its process
	// alone. A service without a process is a fault.
	Signal(ctx context.Context, service string, sig syscall.Signal, toProcessOnly bool) (spec.ServiceStatus, error)
	// Reload reads the spec again and returns when it is known what changes. All faults
	// of the new spec come together; then nothing has changed.
	Reload(ctx context.Context) (spec.Reloaded, error)
	// Shutdown returns at once.
	Shutdown()
}

// OpenLogs opens the logs of services. Its errors are faults.
type OpenLogs func(services []string) (LogReader, error)

// A LogReader reads the logs of the services that it was opened for.
type LogReader interface {
	// Stream gives the last lines lines of each service to each, all that are
	// kept when lines is negative, and with follow then each new one. It calls
	// pause whenever there is no more for now. It returns the first error of
	// each or pause; with follow that of ctx, once what was written before ctx
	// ended has been given, or nil when no more can come.
	Stream(ctx context.Context, lines int, follow bool, each func(service, text string) error, pause func() error) error
	Close() error
}
