package supervise

import (
	"slices"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/redact"
	"github.com/sandwright/sandwright/internal/spec"
)

// restartOnChange is what spec.Secret.OnChange says for it.
const restartOnChange = "restart"

// compareSecrets finds what follows for a service of which at most secrets have
// changed: nothing, unless it has asked to be told.
func (s *Supervisor) compareSecrets(done *spec.Reloaded, before spec.Service, next environment, svc spec.Service) {
	signalled := false
	for _, name := range s.env.changed(before, next, svc) {
		switch how := svc.Secrets[name].OnChange; {
		case how == restartOnChange || how != "" && svc.S6 != "": // s6's own files say what its signals do
			done.Restarted = append(done.Restarted, svc.Name)
			return
		case how != "":
			signalled = true
		}
	}
	if signalled {
		done.Signaled = append(done.Signaled, svc.Name)
	} else {
		done.Unchanged = append(done.Unchanged, svc.Name)
	}
}

// signalsFor are the signals that the named services have asked for.
func (s *Supervisor) signalsFor(old map[string]*service, next environment, services []spec.Service, names []string) map[string][]syscall.Signal {
	signals := map[string][]syscall.Signal{}
	for _, svc := range services {
		if !slices.Contains(names, svc.Name) {
			continue
		}
		for _, name := range s.env.changed(old[svc.Name].Service, next, svc) {
			how := svc.Secrets[name].OnChange
			if sig := unix.SignalNum(how); how != "" && !slices.Contains(signals[svc.Name], sig) {
				signals[svc.Name] = append(signals[svc.Name], sig)
			}
		}
	}
	return signals
}

// renew tells a service that runs of secrets that have changed. Its files are
// written before.
func (s *Supervisor) renew(svc *service, signals []syscall.Signal) {
	if svc.run == nil || svc.run.over {
		return // the next run gets them
	}
	if host, ok := s.host.(Renewer); ok {
		if err := host.Renew(svc.Service, s.env.of(svc.Service)); err != nil {
			s.tell(svc, "cannot renew its secrets: %v", err)
			return
		}
	}
	for _, sig := range signals {
		s.tell(svc, "a secret has changed, sending %s", signalName(sig))
		svc.signal(sig)
	}
}

// Hide has nothing that is said of services show a secret.
func (s *Supervisor) Hide(secrets *redact.Live) { s.secrets = secrets }

// statusOf is where a service stands, as everybody may see it.
func (s *Supervisor) statusOf(svc *service) spec.ServiceStatus {
	status := svc.status()
	for _, text := range []*string{&status.Reason, &status.Says, &status.Detail, &status.ReadyBy} {
		*text = s.secrets.Excerpt(*text)
	}
	return status
}
