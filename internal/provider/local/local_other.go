//go:build !linux

package local

import (
	"context"
	"runtime"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/provider"
)

// A Local is the provider that this system cannot have.
type Local struct{}

// New gives a provider that refuses to start anything.
func New(Options) *Local { return &Local{} }

// Warm does nothing.
func (*Local) Warm() {}

// Cool does nothing.
func (*Local) Cool() {}

// Start always fails.
func (*Local) Start(context.Context, provider.Config) (provider.Sandbox, error) {
	return nil, unsupported("start a sandbox")
}

// Replace always fails.
func (*Local) Replace(context.Context, provider.Sandbox, provider.Config) (provider.Sandbox, error) {
	return nil, unsupported("start a sandbox")
}

// Find never finds one.
func (*Local) Find(context.Context, string, string) (provider.Sandbox, error) {
	return nil, unsupported("find a sandbox")
}

// List is always a fault.
func (*Local) List(context.Context) ([]provider.Sandbox, error) {
	return nil, unsupported("list sandboxes")
}

// RunShim always fails.
func RunShim(context.Context) error { return unsupported("run a shim") }

func unsupported(what string) error {
	return fault.Cannot("%s: the local provider needs Linux and this is %s", what, runtime.GOOS).
		WithHint("run sandwright on a Linux machine or in a Linux VM")
}
