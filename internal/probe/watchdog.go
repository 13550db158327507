package probe

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/sandwright/sandwright/internal/spec"
)

// A Watchdog is the Live probe of a service that says by sd_notify that it is
// alive. Without WATCHDOG=1 for a whole interval it has failed; with Failures
// in its probe, for so many intervals in a row.
type Watchdog struct {
	interval time.Duration
	misses   int
	heard    chan Message // the newest that matters; later ones replace it
}

// NewWatchdog makes the watchdog that p describes. Its interval is p's, or 10 s.
func NewWatchdog(p spec.Probe) *Watchdog {
	return &Watchdog{interval: watchdogInterval(p), misses: cmp.Or(p.Failures, 1), heard: make(chan Message, 1)}
}

func watchdogInterval(p spec.Probe) time.Duration { return cmp.Or(p.Interval.Std(), steadyInterval) }

// Hear is one message of the run. It does not block. It must not be called
// from two goroutines at a time.
func (w *Watchdog) Hear(m Message) {
	if !m.Alive && !m.Trigger && m.Watchdog == 0 {
		return
	}
	select {
	case earlier := <-w.heard:
		m.Trigger = m.Trigger || earlier.Trigger
		m.Alive = m.Alive || earlier.Alive
		m.Watchdog = cmp.Or(m.Watchdog, earlier.Watchdog)
	default:
	}
	w.heard <- m
}

// Watch returns once the service has failed, which tell has heard then, or ctx
// has ended. The error is nil or that of ctx. The first interval begins with
// the call.
func (w *Watchdog) Watch(ctx context.Context, tell func(Verdict)) error {
	timer := time.NewTimer(w.interval)
	defer timer.Stop()
	for missed := 0; ; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case m := <-w.heard:
			w.interval = cmp.Or(m.Watchdog, w.interval)
			if m.Trigger {
				tell(failedWatchdog("WATCHDOG=trigger", true))
				return nil
			}
			missed = 0
		case <-timer.C:
			missed++
			over := missed >= w.misses
			tell(failedWatchdog(fmt.Sprintf("no WATCHDOG=1 within %s", w.interval), over))
			if over {
				return nil
			}
		}
		timer.Reset(w.interval)
	}
}

func failedWatchdog(why string, counts bool) Verdict {
	return Verdict{Counts: counts, Err: &Failure{Reason: why}}
}
