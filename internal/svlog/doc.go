// Package svlog writes what services say into log directories with the file
// names and file states of s6-log: `current` while in use, `@<tai64n>.s` once
// finished, `@<tai64n>.u` when its writer died or its file is not yet on the
// disk. Each line is stamped, files are rotated by size and fsynced when they
// are, and only so many are kept.
//
// One Pool carries all logs of a process: one goroutine polls every pipe and
// owns every state, with one buffer to read into. A log whose disk refuses,
// or does not answer, holds up its own services and nobody else's.
// Reading and writing stamps works everywhere, logging on Linux.
package svlog

import (
	"errors"
	"time"
)

// ErrClosed is returned by Open and Pump after Close.
var ErrClosed = errors.New("the log is closed")

const (
	maxLine    = 64 << 10  // a longer line is split into pieces of this size
	readBytes  = 448 << 10 // read at once at most
	flushBytes = 448 << 10 // formatted lines are written at the latest when they are this many
	lastBytes  = 200       // bounds what Last gives
	ringBytes  = 1 << 20   // newest lines that DropOldest keeps while they cannot be written
	markerRoom = 256       // free in a file before a gap is marked there
	floodPipe  = 1 << 20   // size asked for a pipe that comes back full

	retryDelay = 500 * time.Millisecond // between attempts to write to a disk that refuses
	closeTime  = 5 * time.Second        // Close waits so long for a disk that does not answer
)
