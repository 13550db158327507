//go:build !linux

package git

import "context"

// watch does nothing here: only the deadline of a git ends it.
func watch(context.Context, int, func(error)) {}
