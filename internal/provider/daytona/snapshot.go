package daytona

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/sandwright/sandwright/internal/fault"
)

// A Snapshot is what sandboxes are made of. A zero number, and an empty Region,
// are left to Daytona.
type Snapshot struct {
	Name       string   `json:"name"`
	Image      string   `json:"imageName"`
	Entrypoint []string `json:"entrypoint,omitempty"`
	CPU        int      `json:"cpu,omitempty"`    // cores
	Memory     int      `json:"memory,omitempty"` // GB
	Disk       int      `json:"disk,omitempty"`   // GB
	Region     string   `json:"regionId,omitempty"`
}

// A SnapshotState is a snapshot as it stands.
type SnapshotState struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	State       string `json:"state"`
	ErrorReason string `json:"errorReason"`
	Image       string `json:"imageName"` // empty where Daytona does not say
}

// The states of a snapshot that mean something here; with the others it is
// waited on.
const (
	active      = "active"
	inactive    = "inactive" // it was not used for long
	failed      = "error"
	buildFailed = "build_failed"
	removing    = "removing"
)

// MakeSnapshot makes a snapshot and returns once it is active. Its name stands
// for its content: where there is one of that name already, it is that one, and
// refused where Daytona says that it is of another image.
func (c *Client) MakeSnapshot(ctx context.Context, s Snapshot) (SnapshotState, error) {
	var made SnapshotState
	err := c.ask(ctx, http.MethodPost, "/snapshots", s, &made)
	var no *answerError
	if errors.As(err, &no) && no.status == http.StatusConflict {
		return c.waitSnapshot(ctx, s.Name, s.Name, s.Image)
	}
	if err != nil {
		return made, c.failed(err, "make snapshot %s", s.Name)
	}
	return c.waitSnapshot(ctx, s.Name, cmp.Or(made.ID, s.Name), "")
}

// waitSnapshot looks at a snapshot, by its id or its name, until it is active.
// It must be of the image, unless that is empty.
func (c *Client) waitSnapshot(ctx context.Context, name, id, image string) (now SnapshotState, err error) {
	path := "/snapshots/" + url.PathEscape(id)
	woken := false
	err = c.until(ctx, "snapshot "+name, func(ctx context.Context) (bool, error) {
		now = SnapshotState{}
		if err := c.ask(ctx, http.MethodGet, path, nil, &now); err != nil {
			return false, c.failed(err, "look at snapshot %s", name)
		}
		if image != "" && now.Image != "" && !sameImage(now.Image, image) {
			return false, fault.Cannot("use snapshot %s: Daytona has one of that name already, of the image %s, not of %s", name, c.shown(now.Image), image).
				WithHint("delete it in Daytona, or give yours another name: publish: {daytona: {name: NAME}}")
		}
		switch now.State {
		case active:
			return true, nil
		case failed, buildFailed, removing:
			return false, c.broken("snapshot", name, now.State, now.ErrorReason)
		case inactive:
			if !woken {
				woken = true
				if err := c.ask(ctx, http.MethodPost, path+"/activate", nil, nil); err != nil {
					return false, c.failed(err, "activate snapshot %s", name)
				}
			}
		}
		return false, nil
	})
	now.Name = name
	return now, err
}

// sameImage compares names, whether or not they say that Docker's registry is meant.
func sameImage(a, b string) bool {
	const unsaid = "docker.io/"
	return strings.TrimPrefix(a, unsaid) == strings.TrimPrefix(b, unsaid)
}

// broken is the fault of what will not become what it should.
func (c *Client) broken(kind, name, state, reason string) error {
	f := fault.Cannot("use %s %s: Daytona says it is %s", kind, name, c.shown(state))
	if text := c.shown(reason); text != "" {
		f.What += ": " + text
	}
	return f.WithHint("look at it in Daytona; once it is deleted there, publish makes it again")
}

// until looks again and again until it is there, or a look fails.
func (c *Client) until(ctx context.Context, what string, there func(context.Context) (bool, error)) error {
	limited, cancel := context.WithTimeout(ctx, c.timing.Ready)
	defer cancel()
	for {
		ok, err := there(limited)
		if ok || err != nil && limited.Err() == nil {
			return err
		}
		if limited.Err() == nil && pause(limited, c.timing.Poll) == nil {
			continue
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fault.Cannot("wait longer than %s for %s", c.timing.Ready.Round(time.Millisecond), what).
			WithHint("run it again: what is done already is not done twice")
	}
}

// Access is a registry that Daytona reads from, and who may push to it for a
// while.
type Access struct {
	Registry string    `json:"registryUrl"`
	Project  string    `json:"project"`
	Username string    `json:"username"`
	Secret   string    `json:"secret"`
	Expires  time.Time `json:"expiresAt"`
}

// PushAccess asks for one. An empty region is the organisation's own.
func (c *Client) PushAccess(ctx context.Context, region string) (Access, error) {
	path := "/docker-registry/registry-push-access"
	if region != "" {
		path += "?regionId=" + url.QueryEscape(region)
	}
	var raw struct {
		Access
		Expires string `json:"expiresAt"`
	}
	if err := c.ask(ctx, http.MethodGet, path, nil, &raw); err != nil {
		return Access{}, c.failed(err, "get access to a registry of Daytona")
	}
	a := raw.Access
	if a.Registry == "" || a.Username == "" || a.Secret == "" {
		return Access{}, fault.Cannot("get access to a registry of Daytona at %s: the answer names no registry, user or secret", c.base.Host).
			WithHint("name a registry: publish: {registry: HOST/NAME}")
	}
	a.Expires = expiry(raw.Expires)
	return a, nil
}

// expiry reads the two forms that Daytona writes a time in; the zero time
// stands for what it does not understand.
func expiry(text string) time.Time {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02 15:04:05-07:00"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t
		}
	}
	return time.Time{}
}
