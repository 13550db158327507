//go:build !race

package svlog

// floodBytes is what TestFloodLosesNothing writes.
const floodBytes = 1 << 30
