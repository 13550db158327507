package control

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/url"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/httpcall"
	"github.com/sandwright/sandwright/internal/spec"
)

// A Client asks one supervisor. Its errors are faults that keep the
// supervisor's text and hint, and wrap ErrUnknown, ErrStopping, or what went
// wrong on the way, that of ctx included. It may be used from several
// goroutines.
type Client struct {
	dial func(ctx context.Context) (net.Conn, error)
}

// New makes a client that calls dial for each question.
func New(dial func(ctx context.Context) (net.Conn, error)) *Client { return &Client{dial} }

// Status asks where the named services stand, or all without a name.
func (c *Client) Status(ctx context.Context, services ...string) (spec.Status, error) {
	return ask[spec.Status](ctx, c, http.MethodGet, "/v1/status", url.Values{"service": services})
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
	return ask[spec.ServiceStatus](ctx, c, http.MethodPost, servicePath(service, string(action)), nil)
}

// Signal sends a signal, by name or number, to the processes of a service, or
// with toProcessOnly to the first of them.
func (c *Client) Signal(ctx context.Context, service, signal string, toProcessOnly bool) (spec.ServiceStatus, error) {
	q := url.Values{"signal": {signal}}
	if toProcessOnly {
		q.Set("to", toProcess)
	}
	return ask[spec.ServiceStatus](ctx, c, http.MethodPost, servicePath(service, "signal"), q)
}

func servicePath(service, verb string) string {
	return "/v1/services/" + url.PathEscape(service) + "/" + verb
}

// Reload has the supervisor read its spec again. All faults of the new spec
// come together; then nothing has changed.
func (c *Client) Reload(ctx context.Context) (spec.Reloaded, error) {
	return ask[spec.Reloaded](ctx, c, http.MethodPost, "/v1/reload", nil)
}

// Shutdown asks that everything be stopped, and does not wait for it.
func (c *Client) Shutdown(ctx context.Context) error {
	_, err := ask[struct{}](ctx, c, http.MethodPost, "/v1/shutdown", nil)
	return err
}

// ask sends one question and reads its answer.
func ask[T any](ctx context.Context, c *Client, method, path string, q url.Values) (T, error) {
	var out T
	resp, err := c.send(ctx, method, path, q)
	if err != nil {
		return out, err
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(&bounded{resp.Body, maxAnswer}).Decode(&out); err != nil {
		return out, unreached(err)
	}
	return out, nil
}

// send gives an answer that is no error; the caller closes its body.
func (c *Client) send(ctx context.Context, method, path string, q url.Values) (*http.Response, error) {
	if text := q.Encode(); text != "" {
		path += "?" + text
	}
	resp, err := httpcall.Ask(ctx, c.dial, httpcall.Question{Method: method, Target: path, Host: "sandwright"})
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
	if err := json.NewDecoder(&bounded{resp.Body, maxAnswer}).Decode(&p); err != nil || p.Error == "" {
		return unreached(errors.New(resp.Status))
	}
	switch resp.StatusCode {
	case http.StatusBadRequest:
		return p.faults(nil, fault.ExitUsage)
	case http.StatusNotFound:
		return p.faults(ErrUnknown, 0)
	case http.StatusConflict:
		return p.faults(ErrStopping, 0)
	case http.StatusGatewayTimeout:
		return p.faults(context.DeadlineExceeded, 0)
	}
	return p.faults(nil, 0)
}

// unreached is a question that has had no answer.
func unreached(err error) error { return fault.Cannot("reach the supervisor: %w", err) }
