package probe

import (
	"cmp"
	"context"
	"time"

	"github.com/sandwright/sandwright/internal/spec"
)

// Defaults. The period of 10 s, three failures and one success are those of
// Kubernetes, as is the second that an attempt to see whether a service lives
// may take. A service that is starting is asked more often, because others
// wait for it, and may take longer to answer. It may do so later too: what was
// good enough to become ready is good enough to stay so.
const (
	eagerInterval  = 250 * time.Millisecond
	steadyInterval = 10 * time.Second
	liveTimeout    = time.Second
	readyTimeout   = 5 * time.Second
	failures       = 3
	successes      = 1
	minInterval    = 10 * time.Millisecond
	firstStep      = 10 * time.Millisecond
)

// A Schedule says when a check is asked and what counts.
type Schedule struct {
	Use       Use
	Interval  time.Duration // from the start of one attempt to the start of the next; at least 10 ms
	Eager     time.Duration // the same until the first time that success counts
	First     time.Duration // from the first attempt to the second; doubles with each failure until it is Eager. 0: Eager
	Timeout   time.Duration // of one attempt
	Failures  int           // in a row until failure counts; for Start it never does
	Successes int           // in a row until success counts
}

// NewSchedule is p's schedule, with the defaults of its use for what p leaves
// open: an interval of 10 s (Start: 250 ms), a timeout of 5 s (Live: 1 s), 3
// failures and 1 success. Until its first success a Ready probe is asked every
// 250 ms, or more often if its interval is shorter. Where others wait for an
// answer, the first attempts come sooner: 10 ms after the first one, 20 ms after that.
func NewSchedule(use Use, p spec.Probe) Schedule {
	s := Schedule{
		Use:       use,
		Interval:  cmp.Or(p.Interval.Std(), steadyInterval),
		Timeout:   cmp.Or(p.Timeout.Std(), readyTimeout),
		Failures:  cmp.Or(p.Failures, failures),
		Successes: cmp.Or(p.Successes, successes),
	}
	s.Eager = s.Interval
	switch use {
	case Start:
		s.Interval = cmp.Or(p.Interval.Std(), eagerInterval)
		s.Eager, s.First = s.Interval, firstStep
	case Ready:
		s.Eager, s.First = min(s.Interval, eagerInterval), firstStep
	case Live:
		s.Timeout = cmp.Or(p.Timeout.Std(), liveTimeout)
	}
	return s
}

// A Verdict is what an attempt has shown.
type Verdict struct {
	OK     bool
	Counts bool   // it changes what the service is: so many attempts in a row have said so
	How    string // how the service showed that it is well; empty if it did not
	Err    error  // why it is not well; nil if it is
	Detail string // the first lines of what a failed attempt saw; may be empty
}

// Text is How, or the words of Err.
func (v Verdict) Text() string {
	if v.Err != nil {
		return v.Err.Error()
	}
	return v.How
}

// Watch asks check as s says, the first time at once, until ctx has ended or
// nothing is left to find out: a Start probe has succeeded, or the failure of
// a Live probe counts. tell hears every attempt that has failed, and every
// success that counts; it is never called twice at a time. The error is nil or
// that of ctx.
//
// At first a service counts as not ready and as alive. Attempts start on the
// beat of the interval by the monotonic clock: one that takes long drops beats
// and does not shift them, a machine that was suspended does not make up for
// what it missed, and the wall clock does not matter. Until a success, or until
// First has grown to the interval, there are attempts between the beats too.
// There is one attempt at a time. It is over after its timeout also if check ignores its context; as
// long as it does not return it is not asked again, and each beat is a failure.
func Watch(ctx context.Context, check Check, s Schedule, tell func(Verdict)) error {
	a := asker{check: check, timeout: s.Timeout}
	t := newTally(s)
	start, interval, step := time.Now(), s.Eager, s.First
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
		}
		began := time.Now()
		how, err := a.ask(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		v := t.add(how, err)
		if !v.OK || v.Counts {
			tell(v)
		}
		if t.over(v) {
			return nil
		}
		if v.OK && v.Counts {
			start, interval = began, s.Interval
		}
		wait := untilBeat(time.Since(start), max(interval, minInterval))
		if v.OK || step >= interval {
			step = 0 // from now on only the beat
		}
		if step > 0 {
			wait = min(wait, max(step-time.Since(began), minInterval))
			step *= 2
		}
		timer.Reset(wait)
	}
}

// untilBeat is the time from elapsed to the next multiple of interval.
func untilBeat(elapsed, interval time.Duration) time.Duration { return interval - elapsed%interval }
