package engine

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/util/progress/progressui"

	"github.com/sandwright/sandwright/internal/redact"
)

// Progress says where a build is shown. The zero Progress shows nothing.
type Progress struct {
	Out io.Writer
	TTY bool // BuildKit's moving display instead of plain lines
}

// Say writes one line.
func (p Progress) Say(format string, args ...any) {
	if p.Out != nil {
		fmt.Fprintf(p.Out, format+"\n", args...)
	}
}

// sayAfter is how long something may take unsaid that nobody has asked for.
const sayAfter = 2 * time.Second

// sayLater writes one line, unless what it gives is called within that time.
func (p Progress) sayLater(within time.Duration, format string, args ...any) (done func()) {
	said := make(chan struct{})
	timer := time.AfterFunc(within, func() {
		defer close(said)
		p.Say(format, args...)
	})
	return func() {
		if !timer.Stop() {
			<-said
		}
	}
}

// follow shows the build without its secrets until status is closed, and gives
// its steps, and the fault that the one that failed has told last, if it has. What
// runs meanwhile is in running.
func (p Progress) follow(ctx context.Context, status chan *client.SolveStatus, secrets *redact.Set, running *underWay) ([]Step, string, error) {
	mode := progressui.PlainMode
	switch {
	case p.Out == nil:
		mode = progressui.QuietMode
	case p.TTY:
		mode = progressui.TtyMode
	}
	display, err := progressui.NewDisplay(p.Out, mode)
	if err != nil {
		return nil, "", err
	}
	tee := make(chan *client.SolveStatus)
	var steps []Step
	var told told
	go func() {
		defer close(tee)
		seen := map[string]bool{}
		hider := newHider(secrets)
		for s := range status {
			hider.hide(s)
			abridge(s)
			told.note(s)
			running.note(s)
			for _, v := range s.Vertexes {
				if v.Completed != nil && !seen[v.Digest.String()] {
					seen[v.Digest.String()] = true
					steps = append(steps, Step{Name: v.Name, Cached: v.Cached, source: len(v.Inputs) == 0, failed: v.Error})
				}
			}
			tee <- s
		}
	}()
	// The display ends with the channel: a cancelled build still reports its end.
	_, err = display.UpdateFrom(context.WithoutCancel(ctx), tee)
	return steps, told.fault, err
}
