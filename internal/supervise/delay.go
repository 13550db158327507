package supervise

import (
	"cmp"
	"time"

	"github.com/sandwright/sandwright/internal/spec"
)

// Delays that a spec does not hold, or holds no value for.
const (
	minDelay  = time.Second            // Restart.MinDelay
	limitTime = 10 * time.Second       // Restart.StartInterval
	flushTime = 100 * time.Millisecond // for the last words of a process
	killTime  = 5 * time.Second        // for a process to be gone after SIGKILL
	sweepTime = time.Second            // for processes that are nobody's service, each for SIGTERM and SIGKILL
)

// backoffDelay is how long to wait after the given number of short runs in a
// row: MinDelay, doubled each time, at most MaxDelay.
func backoffDelay(shortRuns int, r spec.Restart) time.Duration {
	delay := cmp.Or(r.MinDelay.Std(), minDelay)
	limit := max(delay, r.MaxDelay.Std())
	for ; shortRuns > 0 && delay < limit; shortRuns-- {
		delay *= 2
	}
	return min(delay, limit)
}

// shorten takes up to a quarter off a delay, by a chance from 0 to 1: services
// that died together do not come back together.
func shorten(delay time.Duration, chance float64) time.Duration {
	return delay - time.Duration(chance*float64(delay)/4)
}

// startInterval is the time in which starts count towards the limit.
func startInterval(r spec.Restart) time.Duration { return cmp.Or(r.StartInterval.Std(), limitTime) }

// isShort tells whether a run of that length counts towards a longer delay.
func isShort(run time.Duration, r spec.Restart) bool {
	return run < max(cmp.Or(r.MinDelay.Std(), minDelay), r.MaxDelay.Std())
}

// rounded is d with the digits that a person reads: 2.01s, 340ms.
func rounded(d time.Duration) time.Duration {
	if d < time.Second {
		return d.Round(time.Millisecond)
	}
	return d.Round(10 * time.Millisecond)
}
