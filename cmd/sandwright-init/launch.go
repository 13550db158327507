//go:build linux

package main

import (
	"os"

	"github.com/sandwright/sandwright/internal/launch"
)

// launched turns a process that the supervisor has started as a trampoline
// into the service's program, and does not return then. In every other process
// it does nothing. It comes first of all: what is set up before it costs every
// service that has limits.
func launched() { launch.Trampoline(os.Args) }
