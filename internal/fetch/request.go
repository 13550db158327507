package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/sandwright/sandwright/internal/fault"
)

// attempts is how often one address is asked before giving up.
const attempts = 5

// errStatus is an answer that is not what was asked for.
type errStatus struct {
	code int
	text string
}

func (e errStatus) Error() string { return fmt.Sprintf("the answer is %d %s", e.code, e.text) }

// missing tells whether the server knows of no such thing.
func missing(err error) bool {
	var status errStatus
	return errors.As(err, &status) && (status.code == http.StatusNotFound || status.code == http.StatusGone)
}

// final tells whether trying again would end the same way.
func final(err error) bool {
	var status errStatus
	var f *fault.Fault
	switch {
	case errors.As(err, &f), errors.As(err, new(errDowngrade)), noSpace(err):
		return true
	case errors.As(err, &status):
		return status.code < 500 && status.code != http.StatusTooManyRequests && status.code != http.StatusRequestTimeout
	}
	return false
}

// retried runs try until it succeeds, fails for good, or has been tried often
// enough.
func (f *Fetcher) retried(ctx context.Context, try func() error) error {
	for attempt := 0; ; attempt++ {
		err := try()
		if err == nil || final(err) || attempt+1 == attempts {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(f.pause(attempt)):
		}
	}
}

// get asks once. The caller closes the body.
func (f *Fetcher) get(ctx context.Context, u *url.URL, header http.Header) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	for key, values := range header {
		req.Header[key] = values
	}
	resp, err := f.client().Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusOK || resp.StatusCode == http.StatusPartialContent {
		return resp, nil
	}
	_ = resp.Body.Close()
	return nil, errStatus{resp.StatusCode, http.StatusText(resp.StatusCode)}
}

// small brings a file of at most limit bytes.
func (f *Fetcher) small(ctx context.Context, u *url.URL, header http.Header, limit int64) (data []byte, err error) {
	ctx, stop := context.WithTimeout(ctx, 3*time.Minute)
	defer stop()
	err = f.retried(ctx, func() error {
		data, err = f.once(ctx, u, header, limit)
		return err
	})
	return data, err
}

// once is small with one attempt.
func (f *Fetcher) once(ctx context.Context, u *url.URL, header http.Header, limit int64) ([]byte, error) {
	ctx, watch, stop := watched(ctx)
	defer stop()
	resp, err := f.get(ctx, u, header)
	if err != nil {
		return nil, stalled(ctx, err)
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(watch(resp.Body), limit+1))
	if err == nil && int64(len(data)) > limit {
		return nil, fault.Cannot("use %s: it gives more than %d bytes", bare(u), limit).
			WithHint("check the address; so small a file should be there")
	}
	return data, stalled(ctx, err)
}

// unreachable is the fault for an address that gave nothing usable.
// The hint is npm's when it is empty.
func unreachable(what string, u *url.URL, err error, hint string) error {
	var f *fault.Fault
	if errors.As(err, &f) || errors.Is(err, context.Canceled) {
		return err
	}
	npm := hint == ""
	if npm {
		hint = "check the network, its proxy, and: npm config get registry"
	}
	var status errStatus
	if errors.As(err, &status) && npm && (status.code == http.StatusUnauthorized || status.code == http.StatusForbidden) {
		hint = "log in to that registry: npm login"
	}
	out := fault.Cannot("fetch %s from %s: %s", what, bare(u), reason(err)).WithHint("%s", hint)
	out.Err = err
	return out
}
