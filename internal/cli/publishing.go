package cli

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/provider/daytona"
	"github.com/sandwright/sandwright/internal/spec"
)

// A published is what publish has done, or would do: its answer in JSON.
type published struct {
	DryRun   bool           `json:"dryRun"`
	Image    string         `json:"image"` // name in the registry; empty where Daytona is to name one
	Digest   string         `json:"digest,omitempty"`
	Snapshot *publishedPart `json:"snapshot,omitempty"`
	Sandbox  *publishedPart `json:"sandbox,omitempty"`
}

type publishedPart struct {
	ID    string `json:"id,omitempty"`
	Name  string `json:"name"`
	State string `json:"state,omitempty"`
}

// entrypoint starts PID 1, or what takes its place beside a platform's own:
// Daytona drops an image's CMD.
func entrypoint() []string { return []string{spec.InitPath} }

// publishAll builds, pushes and makes what is wanted, and stops at the first
// thing that cannot be done.
func (a *app) publishAll(ctx context.Context, p publication, recipes []recipe) error {
	o := a.opening(ctx, recipes[0].project, true)
	defer o.drop()
	made, err := a.make(ctx, o, recipes, wantedImage{flags: p.flags.image, access: p.access})
	if err != nil {
		return err
	}
	done := published{Image: p.image, Digest: made.Digest}
	a.say("pushed %s (%s)\n", p.image, made.Digest)
	if p.client == nil {
		return a.tell(done)
	}
	snapshot, err := p.client.MakeSnapshot(ctx, p.snapshot(p.image))
	if err != nil {
		return err
	}
	done.Snapshot = &publishedPart{snapshot.ID, snapshot.Name, snapshot.State}
	a.say("snapshot %s is %s\n", snapshot.Name, snapshot.State)
	if p.flags.start != "" {
		sandbox, err := p.client.StartSandbox(ctx, daytona.Sandbox{
			Name: p.flags.start, Snapshot: snapshot.Name, Env: recipes[0].values.run, Target: p.file.Publish.Daytona.Region,
		})
		if err != nil {
			return err
		}
		done.Sandbox = &publishedPart{sandbox.ID, p.flags.start, sandbox.State}
		a.say("sandbox %s (%s) is %s\n", p.flags.start, sandbox.ID, sandbox.State)
	}
	return a.tell(done)
}

// wouldPublish says what publish would do.
func (a *app) wouldPublish(p publication) error {
	would := published{DryRun: true}
	if p.file.Publish.Registry != "" {
		would.Image = bareNames([]string{p.file.Publish.Registry + ":" + p.tag})[0]
		a.say("would push %s\n", would.Image)
	} else {
		a.say("would push %s:%s to a registry that Daytona gives access to\n", p.file.Name, p.tag)
	}
	if p.client != nil {
		would.Snapshot = &publishedPart{Name: p.snapshot("").Name}
		a.say("would make snapshot %s\n", would.Snapshot.Name)
	}
	if p.flags.start != "" {
		would.Sandbox = &publishedPart{Name: p.flags.start}
		a.say("would start sandbox %s\n", p.flags.start)
	}
	return a.tell(would)
}

// say prints for people.
func (a *app) say(format string, args ...any) {
	if !a.json {
		fmt.Fprintf(a.Out, format, args...)
	}
}

// tell prints for programs.
func (a *app) tell(v any) error {
	if !a.json {
		return nil
	}
	return printJSON(a.Out, v)
}

// placeIn is the image's name in a registry that Daytona gives access to, and
// that registry's host. What the server says is not trusted to be a name.
func placeIn(given daytona.Access, name, tag string) (ref, host string, err error) {
	registry := strings.TrimSuffix(strings.TrimPrefix(given.Registry, "https://"), "/")
	bare, plain := strings.CutPrefix(registry, "http://")
	host, _, _ = strings.Cut(bare, "/")
	ref = strings.Trim(bare+"/"+strings.Trim(given.Project, "/"), "/") + "/" + name + ":" + tag
	if faults := checkName(ref); len(faults) > 0 || strings.ContainsAny(host, "@ ") || host == "" {
		return "", "", fault.Cannot("push to the registry that Daytona gives access to: it has no usable name").
			WithHint("name a registry: publish: {registry: HOST/NAME}")
	}
	if here := (&url.URL{Host: host}).Hostname(); plain && !daytona.Loopback(here) {
		return "", "", fault.Cannot("push to the registry that Daytona gives access to: the image would travel to %s without TLS", host).
			WithHint("name a registry: publish: {registry: HOST/NAME}")
	}
	if plain {
		ref = "http://" + ref
	}
	return ref, host, nil
}
