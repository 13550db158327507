//go:build tools

// Package dockerd pins Docker's engine.
package dockerd

import _ "github.com/moby/moby/v2/cmd/dockerd"
