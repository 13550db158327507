package daytona

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"

	"github.com/sandwright/sandwright/internal/fault"
)

// requestLabel marks a sandbox with the request that made it, so that a request
// whose answer was lost is known again.
const requestLabel = "dev.sandwright.request"

// A Sandbox is what is started of a snapshot.
type Sandbox struct {
	Name     string            `json:"name"`
	Snapshot string            `json:"snapshot"`
	Env      map[string]string `json:"env,omitempty"`    // start-time variables; secrets among them
	Labels   map[string]string `json:"labels,omitempty"` // StartSandbox sets them
	Target   string            `json:"target,omitempty"` // region
}

// A SandboxState is a sandbox as it stands.
type SandboxState struct {
	ID          string            `json:"id"`
	Name        string            `json:"name"`
	State       string            `json:"state"`
	ErrorReason string            `json:"errorReason"`
	Labels      map[string]string `json:"labels"`
}

// StartSandbox makes a sandbox and returns once it is started. One of the same
// name that somebody else made is a fault.
func (c *Client) StartSandbox(ctx context.Context, s Sandbox) (SandboxState, error) {
	request := rand.Text()
	s.Labels = map[string]string{requestLabel: request}
	var made SandboxState
	err := c.ask(ctx, http.MethodPost, "/sandbox", s, &made)
	var no *answerError
	if errors.As(err, &no) && no.status == http.StatusConflict {
		made, err = c.sandbox(ctx, s.Name)
		if err == nil && made.Labels[requestLabel] != request {
			return SandboxState{}, fault.Cannot("start sandbox %s at %s: there is one of that name", s.Name, c.base.Host).
				WithHint("give another name, or delete that one")
		}
	}
	if err != nil {
		return made, c.failed(err, "start sandbox %s", s.Name)
	}
	id := made.ID
	if id == "" {
		id = s.Name
	}
	return c.waitSandbox(ctx, s.Name, id)
}

func (c *Client) sandbox(ctx context.Context, id string) (now SandboxState, err error) {
	err = c.ask(ctx, http.MethodGet, "/sandbox/"+url.PathEscape(id), nil, &now)
	return now, err
}

// waitSandbox looks at a sandbox until it is started.
func (c *Client) waitSandbox(ctx context.Context, name, id string) (now SandboxState, err error) {
	err = c.until(ctx, "sandbox "+name, func(ctx context.Context) (bool, error) {
		var err error
		if now, err = c.sandbox(ctx, id); err != nil {
			return false, c.failed(err, "look at sandbox %s", name)
		}
		switch now.State {
		case "started":
			return true, nil
		case failed, buildFailed, "destroyed", "destroying", "stopped", "stopping", "archived", "archiving":
			return false, c.broken("sandbox", name, now.State, now.ErrorReason)
		}
		return false, nil
	})
	now.ID, now.State = c.shown(now.ID), c.shown(now.State)
	return now, err
}
