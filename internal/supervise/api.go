package supervise

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"syscall"

	"github.com/sandwright/sandwright/internal/control"
	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/spec"
)

// A request waits until a service is no longer being stopped.
type request struct {
	svc    *service
	answer chan<- reply
}

type reply struct {
	status spec.ServiceStatus
	err    error
}

// Watch gives the status as it is and after each change until ctx or the
// supervisor ends, and then closes the channel. Who reads slowly gets only
// the newest.
func (s *Supervisor) Watch(ctx context.Context) <-chan spec.Status {
	ch := make(chan spec.Status, 1)
	if !s.loop.Post(func() { ch <- s.withUsage(); s.watchers[ch] = true }) {
		close(ch)
		return ch
	}
	context.AfterFunc(ctx, func() { s.loop.Post(func() { s.unwatch(ch) }) })
	return ch
}

// withUsage is the latest status with what each service costs now.
func (s *Supervisor) withUsage() spec.Status {
	status := s.latest
	status.Services = slices.Clone(status.Services)
	for i, svc := range s.services {
		if svc.run != nil {
			status.Services[i].Usage = svc.run.process.Usage()
		}
	}
	return status
}

func (s *Supervisor) unwatch(ch chan spec.Status) {
	delete(s.watchers, ch)
	close(ch)
}

// Do takes an action on the named service and returns where it stands once
// that is done, or once it waits for something.
func (s *Supervisor) Do(ctx context.Context, action control.Action, name string) (spec.ServiceStatus, error) {
	answer := make(chan reply, 1)
	if !s.loop.Post(func() { s.onRequest(action, name, answer) }) {
		return spec.ServiceStatus{}, s.refusal(action, name)
	}
	select {
	case r := <-answer:
		return r.status, r.err
	case <-ctx.Done():
		return spec.ServiceStatus{}, ctx.Err()
	case <-s.loop.Done():
		return spec.ServiceStatus{}, s.refusal(action, name)
	}
}

// Signal sends sig to every process of the named service, or to its own one
// only, and returns where the service stands. One without a process is refused.
func (s *Supervisor) Signal(ctx context.Context, name string, sig syscall.Signal, processOnly bool) (spec.ServiceStatus, error) {
	answer := make(chan reply, 1)
	if !s.loop.Post(func() { answer <- s.onSignalRequest(name, sig, processOnly) }) {
		return spec.ServiceStatus{}, s.refusal("signal", name)
	}
	select {
	case r := <-answer:
		return r.status, r.err
	case <-ctx.Done():
		return spec.ServiceStatus{}, ctx.Err()
	}
}

func (s *Supervisor) onSignalRequest(name string, sig syscall.Signal, processOnly bool) reply {
	svc := s.find(name)
	switch {
	case svc == nil:
		return reply{err: s.unknown(name)}
	case svc.pid() == 0:
		return reply{err: fault.Cannot("signal service %q: it is %s and has no process", name, svc.state)}
	case processOnly && syscall.Kill(svc.pid(), sig) == nil, !processOnly && svc.signal(sig):
		return reply{status: s.statusOf(svc)}
	}
	return reply{err: fault.Cannot("send %s to service %q", signalName(sig), name)}
}

// find is the service of that name; nil when there is none.
func (s *Supervisor) find(name string) *service {
	i := slices.IndexFunc(s.services, func(svc *service) bool { return svc.Name == name })
	if i < 0 {
		return nil
	}
	return s.services[i]
}

// Shutdown begins to stop everything, as SIGTERM does, and does not wait.
func (s *Supervisor) Shutdown() { s.loop.Post(s.shutdown) }

func (s *Supervisor) refusal(action control.Action, name string) error {
	what := string(action)
	if name != "" {
		what += fmt.Sprintf(" service %q", name)
	}
	return fault.Cannot("%s: %w", what, control.ErrStopping)
}

// onRequest is somebody who wants a service started, stopped or restarted.
func (s *Supervisor) onRequest(action control.Action, name string, answer chan<- reply) {
	svc := s.find(name)
	switch {
	case svc == nil:
		answer <- reply{err: s.unknown(name)}
		return
	case s.phase != running && action != control.Stop:
		answer <- reply{err: s.refusal(action, name)}
		return
	}
	switch action {
	case control.Start:
		s.onStart(svc)
	case control.Stop:
		s.onStop(svc)
	case control.Restart:
		s.stop(svc, goalStart, "")
	}
	s.waiting = append(s.waiting, request{svc, answer})
}

// onStart is a service that should run. One in backoff runs at once.
func (s *Supervisor) onStart(svc *service) {
	switch {
	case svc.state == spec.StateStopping:
		svc.goal = goalStart
	case svc.state == spec.StateBackoff || svc.resting():
		svc.asked = true
		s.begin(svc)
	}
}

// onStop is a service that should not run.
func (s *Supervisor) onStop(svc *service) {
	if !svc.resting() {
		s.stop(svc, goalStopped, "")
	}
}

func (s *Supervisor) unknown(name string) error {
	var names []string
	for _, svc := range s.services {
		names = append(names, svc.Name)
	}
	f := &fault.Fault{What: fmt.Sprintf("cannot find service %q", name), Err: control.ErrUnknown}
	if near := fault.Nearest(name, names); near != "" {
		return f.WithHint("did you mean %s?", near)
	}
	return f.WithHint("the services are: %s", strings.Join(names, ", "))
}

// answer tells those whose request is done.
func (s *Supervisor) answer() {
	var waiting []request
	for _, r := range s.waiting {
		if r.svc.state == spec.StateStopping {
			waiting = append(waiting, r)
			continue
		}
		r.answer <- reply{status: s.statusOf(r.svc)}
	}
	s.waiting = waiting
}

// publish gives the status to everybody who watches, if it has changed.
func (s *Supervisor) publish() {
	status := s.status()
	if equal(status, s.latest) {
		return
	}
	s.latest = status
	for ch := range s.watchers {
		select {
		case <-ch:
		default:
		}
		ch <- status
	}
}

func (s *Supervisor) status() spec.Status {
	status := spec.Status{Name: s.name, Ready: true, Services: make([]spec.ServiceStatus, 0, len(s.services))}
	for _, svc := range s.services {
		status.Ready = status.Ready && svc.meets(spec.Ready)
		status.Failed = status.Failed || svc.state == spec.StateFailed
		status.Services = append(status.Services, s.statusOf(svc))
	}
	return status
}

func equal(a, b spec.Status) bool {
	return a.Name == b.Name && a.Ready == b.Ready && a.Failed == b.Failed && slices.Equal(a.Services, b.Services)
}

var _ control.Supervisor = (*Supervisor)(nil)
