//go:build linux

// Command sandwright-init supervises the services of a sandbox: as its PID 1,
// or as a child subreaper where that place is taken. Inside the box it is also
// the client that asks the supervisor.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/sandwright/sandwright/internal/fault"
)

func main() {
	// A broken stderr is an error to be told, not a reason to die.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	err := run(context.Background(), os.Args[1:], os.Stdout, os.Stderr)
	if err != nil {
		fault.Render(os.Stderr, err, false)
	}
	os.Exit(fault.Code(err))
}
