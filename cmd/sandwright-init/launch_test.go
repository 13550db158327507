//go:build linux

package main

import "testing"

// A process that was started as anything else goes on.
func TestOrdinaryStartIsNoLaunch(t *testing.T) {
	launched()
}
