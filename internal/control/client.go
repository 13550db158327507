package control

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/spec"
)

// A Client asks one supervisor. Its errors are faults that keep the
// supervisor's text and hint, and wrap ErrUnknown, ErrStopping, or what went
// wrong on the way, that of ctx included. It may be used from several
// goroutines.
type Client struct{ http *http.Client }

// New makes a client that calls dial for each question.
func New(dial func(ctx context.Context) (net.Conn, error)) *Client {
	return &Client{&http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) },
	}}}
}

// Status asks where everything stands.
func (c *Client) Status(ctx context.Context) (spec.Status, error) {
	return ask[spec.Status](ctx, c, http.MethodGet, "/v1/status")
}

// Wait returns once every service is ready or one can no longer become so.
func (c *Client) Wait(ctx context.Context) (spec.Status, error) {
	return ask[spec.Status](ctx, c, http.MethodGet, "/v1/wait")
}

// Start starts a service, and returns once its process runs, it has failed,
// or it waits for another one.
func (c *Client) Start(ctx context.Context, service string) (spec.ServiceStatus, error) {
	return c.do(ctx, Start, service)
}

// Stop stops a service, and returns once its process is gone.
func (c *Client) Stop(ctx context.Context, service string) (spec.ServiceStatus, error) {
	return c.do(ctx, Stop, service)
}

// Restart stops a service and starts it, and returns as Start does.
func (c *Client) Restart(ctx context.Context, service string) (spec.ServiceStatus, error) {
	return c.do(ctx, Restart, service)
}

func (c *Client) do(ctx context.Context, action Action, service string) (spec.ServiceStatus, error) {
	return ask[spec.ServiceStatus](ctx, c, http.MethodPost, "/v1/services/"+url.PathEscape(service)+"/"+string(action))
}

// Shutdown asks that everything be stopped, and does not wait for it.
func (c *Client) Shutdown(ctx context.Context) error {
	_, err := ask[struct{}](ctx, c, http.MethodPost, "/v1/shutdown")
	return err
}

// Events calls each with the status, and again after each change; changes
// that follow each other fast come as one. It returns the first error of
// each, that of ctx, or nil once the supervisor has ended.
func (c *Client) Events(ctx context.Context, each func(spec.Status) error) error {
	resp, err := c.send(ctx, http.MethodGet, "/v1/events")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	for dec := json.NewDecoder(resp.Body); ; {
		var status spec.Status
		err := dec.Decode(&status)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return unreached(err)
		}
		if err := each(status); err != nil {
			return err
		}
	}
}

// ask sends one question and reads its answer.
func ask[T any](ctx context.Context, c *Client, method, path string) (T, error) {
	var out T
	resp, err := c.send(ctx, method, path)
	if err != nil {
		return out, err
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		return out, unreached(err)
	}
	return out, nil
}

// send gives an answer that is no error; the caller closes its body.
func (c *Client) send(ctx context.Context, method, path string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://sandwright"+path, nil)
	if err != nil {
		return nil, unreached(err)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, unreached(err)
	}
	if resp.StatusCode < 300 {
		return resp, nil
	}
	defer resp.Body.Close()
	return nil, refused(resp)
}

// refused is what the supervisor said when it would not.
func refused(resp *http.Response) error {
	var p problem
	if err := json.NewDecoder(resp.Body).Decode(&p); err != nil || p.Error == "" {
		return unreached(errors.New(resp.Status))
	}
	f := &fault.Fault{What: p.Error, Hint: p.Hint}
	switch resp.StatusCode {
	case http.StatusNotFound:
		f.Err = ErrUnknown
	case http.StatusConflict:
		f.Err = ErrStopping
	}
	return f
}

// unreached is a question that has had no answer.
func unreached(err error) error {
	var layer *url.Error
	if errors.As(err, &layer) {
		err = layer.Err
	}
	return fault.Cannot("reach the supervisor: %w", err)
}
