// Package s6 runs services as the s6 supervision suite does: from their service
// directories, with s6's files, FIFOs and events, so that its own clients work.
// A Service is what one s6-supervise is, a Scan what s6-svscan is with all of
// its s6-supervise; none of them has a process or a goroutine of its own.
package s6
