package supervise

import (
	"context"
	"errors"
	"sync"

	"github.com/sandwright/sandwright/internal/probe"
	"github.com/sandwright/sandwright/internal/spec"
)

// ears is what listens to a run from its first moment on, before its probes
// are asked: what it says once must not be missed.
type ears struct {
	lines map[probe.Use]*probe.Line
	ready map[probe.Use]*probe.Heard
	dog   *probe.Watchdog // nil without
}

func newEars(svc spec.Service) (ears, error) {
	e := ears{lines: map[probe.Use]*probe.Line{}, ready: map[probe.Use]*probe.Heard{}}
	for use, p := range map[probe.Use]*spec.Probe{probe.Start: svc.Start, probe.Ready: svc.Ready} {
		switch {
		case p != nil && p.Log != "":
			line, err := probe.NewLine(p.Log)
			if err != nil {
				return ears{}, err
			}
			e.lines[use] = line
		case p != nil && p.Notify:
			e.ready[use] = probe.NewHeard()
		}
	}
	if svc.Live != nil && svc.Live.Notify {
		e.dog = probe.NewWatchdog(*svc.Live)
	}
	return e, nil
}

// see gives what hears each line of output; nil when nobody does.
func (e ears) see() func([]byte) {
	if len(e.lines) == 0 {
		return nil
	}
	return func(line []byte) {
		for _, l := range e.lines {
			l.See(line)
		}
	}
}

// hear is a message of sd_notify.
func (e ears) hear(m probe.Message, tell func(Finding)) {
	for _, h := range e.ready {
		h.Hear(m)
	}
	if e.dog != nil {
		e.dog.Hear(m)
	}
	if m.Status != nil {
		tell(Finding{Says: m.Status})
	}
	if m.Stopping {
		tell(Finding{Use: probe.Ready, Verdict: probe.Verdict{Counts: true, Err: errors.New("STOPPING=1")}})
	}
}

// Watch asks the start probe first, and those for ready and live once it has
// succeeded. It returns when ctx has ended or nothing is left to find out.
func (p *process) Watch(ctx context.Context, tell func(Finding)) {
	var tasks sync.WaitGroup
	defer tasks.Wait()
	if p.notify != nil {
		tasks.Go(func() {
			hear := func(m probe.Message) { p.ears.hear(m, tell) }
			if err := p.notify.Serve(ctx, p.owns, hear); err != nil {
				tell(Finding{Use: probe.Ready, Verdict: probe.Verdict{Err: err}})
			}
		})
	}
	if p.svc.Start != nil && !p.watch(ctx, probe.Start, *p.svc.Start, tell) {
		return
	}
	if p.svc.Live != nil {
		tasks.Go(func() { p.watch(ctx, probe.Live, *p.svc.Live, tell) })
	}
	if p.svc.Ready != nil {
		p.watch(ctx, probe.Ready, *p.svc.Ready, tell)
	}
}

// watch asks one probe, and tells whether it came to its end before ctx did.
func (p *process) watch(ctx context.Context, use probe.Use, one spec.Probe, tell func(Finding)) bool {
	verdict := func(v probe.Verdict) { tell(Finding{Use: use, Verdict: v}) }
	if use != probe.Live {
		verdict(probe.Verdict{Err: probe.Unasked(one)})
	}
	switch {
	case one.FD != 0:
		return hearOnce(ctx, probe.Newline{FD: one.FD, R: p.newline}.Wait, verdict)
	case one.Log != "":
		return hearOnce(ctx, p.ears.lines[use].Wait, verdict)
	case one.Notify && use == probe.Live:
		return p.ears.dog.Watch(ctx, verdict) == nil
	case one.Notify:
		return hearOnce(ctx, p.ears.ready[use].Wait, verdict)
	}
	check, err := probe.New(one, p)
	if err != nil {
		verdict(probe.Verdict{Err: err})
		return false
	}
	return probe.Watch(ctx, check, probe.NewSchedule(use, one), verdict) == nil
}

// hearOnce waits for what is said once.
func hearOnce(ctx context.Context, wait func(context.Context) (string, error), verdict func(probe.Verdict)) bool {
	how, err := wait(ctx)
	switch {
	case err == nil:
		verdict(probe.Verdict{OK: true, Counts: true, How: how})
	case ctx.Err() == nil:
		verdict(probe.Verdict{Err: err})
	}
	return err == nil
}
