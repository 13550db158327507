//go:build !linux

package git

import (
	"context"
	"time"
)

// watch does nothing here: only the deadline of a git ends it.
func watch(context.Context, int, time.Duration, func(error)) {}

// bounded bounds nothing here.
func bounded(program string, args []string) []string { return append([]string{program}, args...) }
