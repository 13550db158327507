//go:build tools

// Package buildkitd pins BuildKit's daemon.
package buildkitd

import _ "github.com/moby/buildkit/cmd/buildkitd"
