// Package probe finds out whether a service is ready: by asking it over HTTP,
// or by waiting for the newline that it writes to a descriptor. A probe
// belongs to one run of its service and ends with it. Standard library only.
package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"time"
)

// A Check is one way to ask a service whether it is ready.
type Check interface {
	// Try asks once. It returns how the service showed that it is ready, such
	// as "GET /health 200", or a short reason why it is not.
	Try(ctx context.Context) (how string, err error)
}

// Poll tries check every interval until it succeeds, each time for at most
// timeout, and gives what Try gave. tell hears the reason of each failed
// attempt. The error is that of ctx, which alone ends a check that fails.
func Poll(ctx context.Context, check Check, interval, timeout time.Duration, tell func(error)) (string, error) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		how, err := try(ctx, check, timeout)
		switch {
		case ctx.Err() != nil:
			return "", ctx.Err()
		case err == nil:
			return how, nil
		}
		tell(err)
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-tick.C:
		}
	}
}

func try(ctx context.Context, check Check, timeout time.Duration) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return check.Try(ctx)
}

// short is an error without the layers that Go's network packages put around
// it: "connection refused" rather than "dial tcp 127.0.0.1:1: connect: …".
func short(err error) string {
	var request *url.Error
	if errors.As(err, &request) {
		err = request.Err
	}
	var dns *net.DNSError
	var op *net.OpError
	var call *os.SyscallError
	var timeout net.Error
	switch {
	case errors.As(err, &dns):
		return fmt.Sprintf("%s: %s", dns.Err, dns.Name)
	case errors.As(err, &call):
		return call.Err.Error()
	case errors.As(err, &timeout) && timeout.Timeout():
		return "timeout"
	case errors.As(err, &op):
		return op.Err.Error()
	case errors.Is(err, io.EOF):
		return "connection closed without an answer"
	}
	return err.Error()
}
