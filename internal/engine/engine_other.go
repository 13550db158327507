//go:build !linux

package engine

import (
	"context"
	"runtime"

	"github.com/sandwright/sandwright/internal/fault"
)

// An Engine cannot be opened on this operating system.
type Engine struct{}

// Open says where builds run instead: the embedded engine needs Linux.
func Open(context.Context, Options, func() (map[string]bool, error)) (*Engine, error) {
	return nil, fault.Cannot("build on %s: the embedded engine needs Linux", runtime.GOOS).
		WithHint("run sandwright on a Linux machine, or in a Linux virtual machine; sandwright check works here")
}

// Solve is never reached.
func (*Engine) Solve(context.Context, Request) (Result, error) { panic("no engine") }

// Clear is never reached.
func (*Engine) Clear(context.Context) (int64, error) { panic("no engine") }

// Close is never reached.
func (*Engine) Close(context.Context) error { panic("no engine") }
