//go:build linux

package main

import (
	"io"
	"time"
)

// A voice writes lines for people without making the supervisor wait: where
// nobody reads, lines are lost.
type voice struct {
	lines chan string
	done  chan struct{}
}

const (
	voiceLines = 256                    // that may wait to be written
	voiceTime  = 500 * time.Millisecond // to write the last of them
)

func newVoice(w io.Writer) *voice {
	v := &voice{lines: make(chan string, voiceLines), done: make(chan struct{})}
	go func() {
		defer close(v.done)
		for line := range v.lines {
			// Nobody is left to hear that nobody hears.
			_, _ = io.WriteString(w, "sandwright-init: "+line+"\n")
		}
	}()
	return v
}

// say queues a line.
func (v *voice) say(line string) {
	select {
	case v.lines <- line:
	default:
	}
}

// close waits, but not for long, until what was said is written. Nothing may
// be said after it.
func (v *voice) close() {
	close(v.lines)
	select {
	case <-v.done:
	case <-time.After(voiceTime):
	}
}
