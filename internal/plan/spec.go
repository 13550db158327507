package plan

import (
	"maps"
	"path"
	"slices"

	"github.com/sandwright/sandwright/internal/config"
	"github.com/sandwright/sandwright/internal/receipt"
	"github.com/sandwright/sandwright/internal/spec"
	"github.com/sandwright/sandwright/internal/vartype"
)

// specOf is what PID 1 will read.
func specOf(f *config.File, p Plan) spec.Spec {
	s := spec.Spec{
		Version: spec.Version, Name: f.Name, LogDir: spec.LogDir, LogTotal: f.Logs.Budget, Main: f.Main,
		Env: p.Env, Services: []spec.Service{}, Tools: pinned(p.Tools),
	}
	if f.Verify == string(spec.VerifyBoot) {
		s.Verify = spec.VerifyBoot
	}
	s.AtStart = atStart(f, p)
	for _, name := range runVariables(f) {
		s.Variables = append(s.Variables, variable(f, name, f.Env[name], "env", name))
	}
	for _, name := range slices.Sorted(maps.Keys(f.Services)) {
		s.Services = append(s.Services, service(f, name, p.User))
	}
	return s
}

// atStart is nil where there is nothing that could be run.
func atStart(f *config.File, p Plan) *spec.AtStart {
	if f.Workspace.AtStart == "off" || len(p.Installs)+len(p.Build) == 0 {
		return nil
	}
	return &spec.AtStart{
		Do: spec.StartAction(f.Workspace.AtStart), Receipt: receipt.Path, User: p.User, Timeout: f.Workspace.AtStartTimeout,
	}
}

// declaredAt is where the keys lead, without the file's folder: the image is
// the same from every one.
func declaredAt(f *config.File, keys ...string) string {
	at := f.At(keys...)
	at.File = path.Base(at.File)
	return at.String()
}

// runVariables are the names of the variables that services may see, sorted.
func runVariables(f *config.File) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(f.Env)), func(name string) bool {
		return !f.Env[name].In(config.ScopeRun)
	})
}

func service(f *config.File, name string, own spec.User) spec.Service {
	c := f.Services[name]
	s := spec.Service{
		Name:    name,
		At:      declaredAt(f, "services", name),
		After:   conditions(c.After),
		Restart: c.Restart,
		Stop:    c.Stop,
		Logs:    rotation(c.Logs),
		Port:    c.Port,
	}
	s.Env = maps.Clone(c.Env)
	for _, v := range runVariables(f) {
		if f.SeenBy(name, v) {
			s.EnvFrom = append(s.EnvFrom, v)
		}
	}
	for _, v := range slices.Sorted(maps.Keys(c.Vars)) {
		s.Variables = append(s.Variables, variable(f, v, c.Vars[v], "services", name, "env", v))
	}
	s.Secrets = secrets(f, s)
	if c.S6 != "" {
		s.S6 = c.S6
		if !path.IsAbs(c.S6) {
			s.S6 = inTarget(f, c.S6)
		}
		return s
	}
	s.Command, s.Task, s.Dir, s.Limits = c.Command, c.Task, inTarget(f, c.Dir), c.Limits
	s.User = userOf(c.User, own)
	s.Start, s.Ready, s.Live = c.Start, c.Ready, c.Live
	return s
}

// secrets says how a service gets those that it sees.
func secrets(f *config.File, s spec.Service) map[string]spec.Secret {
	out := map[string]spec.Secret{}
	add := func(name string, v config.Variable) {
		if !v.Secret {
			return
		}
		one := spec.Secret{Deliver: spec.Delivery(v.Deliver), OnChange: v.OnChange}
		if v.Deliver == "env" {
			one.Deliver = spec.ByEnv
		}
		if v.OnChange == "ignore" {
			one.OnChange = ""
		}
		out[name] = one
	}
	for _, name := range s.EnvFrom {
		add(name, f.Env[name])
	}
	for name, v := range f.Services[s.Name].Vars {
		add(name, v)
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// variable is what PID 1 has to know of one, declared at keys. What people
// read of it stays out of the image.
func variable(f *config.File, name string, v config.Variable, keys ...string) spec.Variable {
	out := spec.Variable{
		Name: name, At: declaredAt(f, keys...), Rule: v.Rule, Required: v.Required, RequiredIf: v.RequiredIf,
		Default: v.Default, DefaultFrom: v.DefaultFrom, Secret: v.Secret, AllowEmpty: v.AllowEmpty,
	}
	if out.Type == vartype.String {
		out.Type = ""
	}
	return out
}

func conditions(after map[string]string) map[string]spec.Condition {
	if len(after) == 0 {
		return nil
	}
	out := map[string]spec.Condition{}
	for dep, condition := range after {
		out[dep] = spec.Condition(condition)
	}
	return out
}

// rotation is what the supervisor's logger reads. An object has its own time,
// so nothing stands before it.
func rotation(l config.Logs) spec.Rotation {
	r := spec.Rotation{MaxFiles: l.Files, MaxBytes: l.Size, TotalBytes: l.Total, Stamp: l.Stamp, Mirror: l.Mirror != nil && *l.Mirror}
	if l.Format == "json" {
		r.Format, r.Stamp = "json", "none"
	}
	if l.Overflow == string(spec.DropOldest) {
		r.Overflow = spec.DropOldest
	}
	return r
}
