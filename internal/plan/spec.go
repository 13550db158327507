package plan

import (
	"maps"
	"path"
	"slices"
	"time"

	"github.com/sandwright/sandwright/internal/config"
	"github.com/sandwright/sandwright/internal/spec"
)

// The delays between restarts of a service.
const (
	minDelay = time.Second
	maxDelay = 30 * time.Second
)

// specOf is what PID 1 will read.
func specOf(f *config.File, p Plan) spec.Spec {
	s := spec.Spec{Version: spec.Version, Name: f.Name, LogDir: spec.LogDir, Env: p.Env, Services: []spec.Service{}}
	for _, name := range runVariables(f) {
		if v := f.Env[name]; v.Required && v.Default == nil {
			at := f.At("env", name)
			at.File = path.Base(at.File) // the same image from every folder
			s.Required = append(s.Required, spec.Variable{Name: name, At: at.String()})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(f.Services)) {
		s.Services = append(s.Services, service(f, name, &p.User))
	}
	return s
}

// runVariables are the names of the variables that services may see, sorted.
func runVariables(f *config.File) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(f.Env)), func(name string) bool {
		return f.Env[name].Scope != config.ScopeRun
	})
}

func service(f *config.File, name string, user *spec.User) spec.Service {
	c := f.Services[name]
	s := spec.Service{
		Name:    name,
		Command: c.Command,
		Dir:     inTarget(f, c.Dir),
		User:    user,
		Env:     map[string]string{},
		Ready:   probe(c.Ready),
		Restart: spec.Restart{Policy: spec.RestartPolicy(c.Restart), MinDelay: spec.Duration(minDelay), MaxDelay: spec.Duration(maxDelay)},
		Stop:    spec.Stop{Timeout: spec.Duration(c.Stop)},
		Logs:    spec.Rotation{MaxFiles: c.Logs.Files, MaxBytes: c.Logs.Size, Stamp: c.Logs.Stamp},
		Port:    c.Port,
	}
	for _, v := range runVariables(f) {
		schema := f.Env[v]
		if len(schema.Services) > 0 && !slices.Contains(schema.Services, name) {
			continue
		}
		if _, fixed := c.Env[v]; fixed {
			continue
		}
		if schema.Default != nil {
			s.Env[v] = *schema.Default
		}
		s.EnvFrom = append(s.EnvFrom, v)
	}
	maps.Copy(s.Env, c.Env)
	for _, dep := range slices.Sorted(maps.Keys(c.After)) {
		if s.After == nil {
			s.After = map[string]spec.Condition{}
		}
		s.After[dep] = spec.Condition(c.After[dep])
	}
	return s
}

func probe(p *config.Probe) *spec.Probe {
	if p == nil {
		return nil
	}
	return &spec.Probe{
		FD: p.FD, HTTP: p.HTTP, Interval: spec.Duration(p.Interval),
		Timeout: spec.Duration(p.Attempt), Deadline: spec.Duration(p.Timeout),
	}
}
