package control

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/sandwright/sandwright/internal/spec"
)

// Wait returns once every service is ready or one can no longer become so.
func (c *Client) Wait(ctx context.Context) (spec.Status, error) {
	return c.WaitFor(ctx, Awaited{Goal: GoalSettled})
}

// Awaited is what a wait waits for. The zero Awaited is that all services are
// ready.
type Awaited struct {
	Goal     Goal          // empty is GoalReady
	Services []string      // empty is all
	Timeout  time.Duration // 0 is none
}

// WaitFor returns once what is awaited holds, or at once with a fault for each
// service for which it no longer can. After the timeout the faults wrap
// context.DeadlineExceeded and say what is missing.
func (c *Client) WaitFor(ctx context.Context, a Awaited) (spec.Status, error) {
	q := url.Values{"service": a.Services}
	if a.Goal != "" {
		q.Set("for", string(a.Goal))
	}
	if a.Timeout != 0 {
		q.Set("timeout", a.Timeout.String())
	}
	return ask[spec.Status](ctx, c, http.MethodGet, "/v1/wait", q)
}

// Events calls each with the status, and again after each change; changes
// that follow each other fast come as one. It returns the first error of
// each, that of ctx, or nil once the supervisor has ended.
func (c *Client) Events(ctx context.Context, each func(spec.Status) error) error {
	return follow(ctx, c, "/v1/status", url.Values{"follow": {"true"}}, each)
}

// Changes calls each with where each of the named services stands, all without
// a name, and again after each change of it. It returns as Events does.
func (c *Client) Changes(ctx context.Context, services []string, each func(spec.Event) error) error {
	return follow(ctx, c, "/v1/events", url.Values{"service": services}, each)
}

// follow calls each with each JSON value of an answer.
func follow[T any](ctx context.Context, c *Client, path string, q url.Values, each func(T) error) error {
	resp, err := c.send(ctx, http.MethodGet, path, q)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body := &bounded{Reader: resp.Body}
	for dec := json.NewDecoder(body); ; {
		var value T
		body.left = maxAnswer
		err := dec.Decode(&value)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return unreached(err)
		}
		if err := each(value); err != nil {
			return err
		}
	}
}

// LogQuery is which lines are wanted.
type LogQuery struct {
	Services []string // empty is all
	Lines    int      // the last of each service; negative is all that are kept
	Follow   bool     // go on with what comes
	JSON     bool     // each line as an object with the keys service and line
}

// Logs gives lines, those of several services with "NAME | " in front. The
// answer must be closed; it ends with the supervisor, or fails with ctx.
func (c *Client) Logs(ctx context.Context, l LogQuery) (io.ReadCloser, error) {
	q := url.Values{"service": l.Services}
	if l.Lines >= 0 {
		q.Set("lines", strconv.Itoa(l.Lines))
	}
	if l.Follow {
		q.Set("follow", "true")
	}
	if l.JSON {
		q.Set("format", formatJSON)
	}
	resp, err := c.send(ctx, http.MethodGet, "/v1/logs", q) //nolint:bodyclose // the caller does
	if err != nil {
		return nil, err
	}
	return logBody{resp.Body}, nil
}

// A logBody is an answer whose errors are faults.
type logBody struct{ io.ReadCloser }

func (b logBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = unreached(err)
	}
	return n, err
}
