package probe

import (
	"context"
	"fmt"
	"regexp"
	"sync"
)

// maxLine is how much of a line is looked at; the rest does not matter.
const maxLine = 64 << 10

// A once is something that is heard of a service at most one time in a run.
type once struct {
	set  sync.Once
	done chan struct{}
	how  string
}

func newOnce() once { return once{done: make(chan struct{})} }

// come is the first time that it was heard; later ones change nothing.
func (o *once) come(how string) {
	o.set.Do(func() {
		o.how = how
		close(o.done)
	})
}

func (o *once) has() bool {
	select {
	case <-o.done:
		return true
	default:
		return false
	}
}

// Wait returns how it was heard, or the error of ctx.
func (o *once) Wait(ctx context.Context) (string, error) {
	select {
	case <-o.done:
		return o.how, nil
	default:
	}
	select {
	case <-o.done:
		return o.how, nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// A Line waits for a line of a run's output that matches.
type Line struct {
	once
	pattern *regexp.Regexp
}

// NewLine makes a Line that waits for a match of the regular expression text.
func NewLine(text string) (*Line, error) {
	re, err := pattern("log", text)
	if err != nil {
		return nil, err
	}
	return &Line{once: newOnce(), pattern: re}, nil
}

// See is one line of output, without its newline. It does not block, keeps
// nothing of line, and costs next to nothing once a line has matched. Only the
// first 64 KB of a line are looked at. It may be called from any goroutine.
func (l *Line) See(line []byte) {
	if l.has() {
		return
	}
	if line = line[:min(len(line), maxLine)]; l.pattern.Match(line) {
		l.come(fmt.Sprintf("line %q", phrase(string(line))))
	}
}

// A Heard waits for READY=1, which comes through a run's Notify.
type Heard struct{ once }

// NewHeard makes a Heard that has heard nothing.
func NewHeard() *Heard { return &Heard{newOnce()} }

// Hear is one message of the run. It does not block.
func (h *Heard) Hear(m Message) {
	if m.Ready {
		h.come("READY=1")
	}
}
