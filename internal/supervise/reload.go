package supervise

import (
	"context"
	"maps"
	"reflect"
	"slices"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/spec"
)

// A Loader reads the spec again, and the start-time variables that it needs.
type Loader func() (spec.Spec, map[string]string, error)

// Reload goes over to the spec as it is now. Services that are new are
// started, those that are gone stopped, and those that changed restarted; a
// change of order, restart policy, stop or port alone disturbs nobody. One that
// was stopped by hand stays so. It returns when this has begun. After an error
// nothing has changed.
func (s *Supervisor) Reload(ctx context.Context) (spec.Reloaded, error) {
	next, env, err := s.load()
	if err == nil {
		err = Check(next)
	}
	if err != nil {
		return spec.Reloaded{}, err
	}
	answer := make(chan spec.Reloaded, 1)
	refused := s.refusal("reload", "")
	if !s.loop.Post(func() {
		if s.phase == running {
			answer <- s.onReload(next, env)
		}
		close(answer)
	}) {
		return spec.Reloaded{}, refused
	}
	select {
	case done, ok := <-answer:
		if !ok {
			return done, refused
		}
		return done, nil
	case <-ctx.Done():
		return spec.Reloaded{}, ctx.Err()
	}
}

// unloadable is the Loader of a supervisor that was given none.
func unloadable() (spec.Spec, map[string]string, error) {
	return spec.Spec{}, nil, fault.Cannot("reload: the spec was not read from a file")
}

// onReload is a new spec that is without fault.
func (s *Supervisor) onReload(next spec.Spec, start map[string]string) spec.Reloaded {
	old := map[string]*service{}
	for _, svc := range s.services {
		old[svc.Name] = svc
	}
	env := environment{common: next.Env, start: start}
	done := s.compare(next, env, old)
	signals := s.signalsFor(old, env, next.Services, done.Signaled)
	services := link(next, old)
	for _, name := range done.Stopped {
		old[name].after, old[name].dependants = nil, nil
		services = append(services, old[name])
	}
	slices.SortFunc(services, func(a, b *service) int { return cmpNames(a.Name, b.Name) })
	s.services, s.env, s.main = services, env, next.Main
	s.say("reloading")
	s.openUnits()
	for _, name := range done.Stopped {
		s.stop(old[name], goalGone, "no longer in the spec")
	}
	for _, name := range done.Restarted {
		old[name].stale = true
		if svc := old[name]; !svc.atRest() {
			s.stop(svc, goalStart, "its spec or a secret has changed")
		}
	}
	for _, name := range done.Signaled {
		s.renew(old[name], signals[name])
	}
	return done
}

// atRest tells whether somebody wants the service not to run.
func (s *service) atRest() bool {
	return s.state == spec.StateStopped || s.state == spec.StateStopping && s.goal == goalStopped
}

// compare sorts the services by what becomes of them.
func (s *Supervisor) compare(next spec.Spec, env environment, old map[string]*service) spec.Reloaded {
	var done spec.Reloaded
	gone := maps.Clone(old)
	for _, svc := range next.Services {
		before := old[svc.Name]
		delete(gone, svc.Name)
		switch {
		case before == nil:
			done.Started = append(done.Started, svc.Name)
		case before.goal == goalGone || differs(before.Service, svc) || !slices.Equal(s.env.shown(before.Service), env.shown(svc)):
			done.Restarted = append(done.Restarted, svc.Name)
		default:
			s.compareSecrets(&done, before.Service, env, svc)
		}
	}
	done.Stopped = slices.Sorted(maps.Keys(gone))
	return done
}

// differs tells whether a process of a would not do for b.
func differs(a, b spec.Service) bool {
	for _, svc := range []*spec.Service{&a, &b} {
		svc.At, svc.After, svc.Port, svc.Restart, svc.Stop = "", nil, 0, spec.Restart{}, spec.Stop{}
		svc.Env, svc.EnvFrom = nil, nil
	}
	return !reflect.DeepEqual(a, b)
}

// forget drops a service that has ended and is no longer in the spec.
func (s *Supervisor) forget(svc *service) {
	s.tell(svc, "gone")
	svc.leaveUnit()
	s.services = slices.DeleteFunc(s.services, func(one *service) bool { return one == svc })
}
