//go:build !linux

package engine

import (
	"context"
	"runtime"

	"github.com/sandwright/sandwright/internal/fault"
)

// An embedded cannot be opened on this operating system.
type embedded struct{ backend }

// openBackend says where builds run instead: what is built is unpacked by the
// embedded engine, which needs Linux.
func openBackend(context.Context, Options, func() (map[string]bool, error)) (backend, *embedded, error) {
	return nil, nil, fault.Cannot("build on %s: the embedded engine needs Linux", runtime.GOOS).
		WithHint("run sandwright on a Linux machine, or in a Linux virtual machine; sandwright check works here")
}

// clear is never reached.
func (*embedded) clear(context.Context, int64) (Cleared, error) { panic("no engine") }

// tidy is never reached.
func (*embedded) tidy(context.Context) error { panic("no engine") }
