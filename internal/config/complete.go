package config

import (
	"cmp"
	"runtime"
	"slices"
	"time"

	"github.com/sandwright/sandwright/internal/spec"
)

// complete fills in the defaults that other keys decide. It runs on a file
// without faults.
func complete(f *File) {
	if len(f.Platforms) == 0 {
		f.Platforms = []string{"linux/" + runtime.GOARCH}
	}
	f.Base.Debian.Packages = slices.Compact(slices.Sorted(slices.Values(f.Base.Debian.Packages)))
	f.User.Home = cmp.Or(f.User.Home, "/home/"+f.User.Name)
	f.Workspace.Target = cmp.Or(f.Workspace.Target, f.User.Home+"/src/"+f.Name)
	f.Logs = f.Logs.over(defaultLogs())
	completeProviders(f.Env)
	for name, s := range f.Services {
		completeProviders(s.Vars)
		s.Logs = s.Logs.over(f.Logs)
		s.Logs.Budget = 0
		s.Port = cmp.Or(s.Port, askedPort(s.Ready))
		s.Restart = completeRestart(s.Restart, defaultPolicy(f, name))
		completeProbe(s.Start, 250*time.Millisecond, 2*time.Second)
		completeProbe(s.Ready, 0, 2*time.Second) // the supervisor asks more often until it is ready
		completeProbe(s.Live, 10*time.Second, time.Second)
		f.Services[name] = s
	}
}

// defaultPolicy is the restart policy of a service that says none.
func defaultPolicy(f *File, name string) spec.RestartPolicy {
	if f.Main == name || f.Services[name].Task != nil {
		return spec.Never
	}
	return spec.Always
}

// completeRestart keeps the delays in their order when only one is given.
func completeRestart(r spec.Restart, policy spec.RestartPolicy) spec.Restart {
	const minDelay, maxDelay = spec.Duration(time.Second), spec.Duration(30 * time.Second)
	r.Policy = cmp.Or(r.Policy, policy)
	low, high := r.MinDelay, r.MaxDelay
	r.MinDelay = cmp.Or(low, min(minDelay, cmp.Or(high, maxDelay)))
	r.MaxDelay = cmp.Or(high, max(maxDelay, r.MinDelay))
	if r.StartLimit > 0 {
		r.StartInterval = cmp.Or(r.StartInterval, spec.Duration(time.Minute))
	}
	return r
}

// completeProbe gives a probe that asks its times. One that listens has none:
// the supervisor knows how long a watchdog waits.
func completeProbe(p *spec.Probe, interval, attempt time.Duration) {
	if p != nil && asks(p) {
		p.Interval = cmp.Or(p.Interval, spec.Duration(interval))
		p.Timeout = cmp.Or(p.Timeout, spec.Duration(attempt))
	}
}

func defaultLogs() Logs {
	mirror := false
	return Logs{Files: 10, Size: 1e6, Stamp: "iso8601", Format: "text", Overflow: "block", Mirror: &mirror}
}

// over takes from base what l does not say.
func (l Logs) over(base Logs) Logs {
	return Logs{
		Files:    cmp.Or(l.Files, base.Files),
		Size:     cmp.Or(l.Size, base.Size),
		Total:    cmp.Or(l.Total, base.Total),
		Stamp:    cmp.Or(l.Stamp, base.Stamp),
		Format:   cmp.Or(l.Format, base.Format),
		Overflow: cmp.Or(l.Overflow, base.Overflow),
		Mirror:   cmp.Or(l.Mirror, base.Mirror),
		Budget:   cmp.Or(l.Budget, base.Budget),
	}
}

// completeProviders gives each program its deadline.
func completeProviders(vars map[string]Variable) {
	for name, v := range vars {
		if len(v.From.Exec) > 0 {
			v.From.Timeout = cmp.Or(v.From.Timeout, spec.Duration(10*time.Second))
			vars[name] = v
		}
	}
}
