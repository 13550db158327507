package probe

import (
	"context"
	"time"
)

// Poll tries check every interval until it succeeds, each time for at most
// timeout, and gives what Try gave. tell hears the reason of each failed
// attempt. The error is that of ctx, which alone ends a check that fails.
func Poll(ctx context.Context, check Check, interval, timeout time.Duration, tell func(error)) (string, error) {
	var how string
	s := Schedule{Use: Start, Interval: interval, Eager: interval, Timeout: timeout, Successes: 1}
	err := Watch(ctx, check, s, func(v Verdict) {
		if !v.OK {
			tell(v.Err)
		}
		how = v.How
	})
	return how, err
}
