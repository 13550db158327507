//go:build race

package svlog

// floodBytes is what TestFloodLosesNothing writes.
const floodBytes = 200 << 20
