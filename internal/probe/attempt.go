package probe

import (
	"context"
	"time"
)

// grace is how long an attempt whose time is over may take to come back with
// what it has seen, such as the output of a command that was killed.
const grace = 500 * time.Millisecond

// An asker makes the attempts of one check, one at a time.
type asker struct {
	check   Check
	timeout time.Duration
	stuck   <-chan answer // of an attempt that has not come back; else nil
}

type answer struct {
	how string
	err error
}

// ask makes one attempt. It returns after the timeout and grace at the latest.
func (a *asker) ask(ctx context.Context) (string, error) {
	late := within(&Failure{Reason: "no answer", late: true}, a.timeout)
	if a.stillStuck() {
		return "", late
	}
	ctx, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	back := make(chan answer, 1)
	go func() {
		how, err := a.check.Try(ctx)
		back <- answer{how, err}
	}()
	select {
	case got := <-back:
		return got.how, within(got.err, a.timeout)
	case <-ctx.Done():
	}
	patience := time.NewTimer(grace)
	defer patience.Stop()
	select {
	case got := <-back:
		if got.err != nil {
			return "", within(got.err, a.timeout)
		}
	case <-patience.C:
		a.stuck = back
	}
	return "", late
}

// stillStuck tells whether an earlier attempt has not come back yet.
func (a *asker) stillStuck() bool {
	if a.stuck == nil {
		return false
	}
	select {
	case <-a.stuck:
		a.stuck = nil
		return false
	default:
		return true
	}
}
