package config

import (
	"cmp"
	"net/url"
	"runtime"
	"slices"
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
	f.Logs = f.Logs.over(Logs{Files: 10, Size: 1e6, Stamp: "iso8601"})
	for name, s := range f.Services {
		s.Logs = s.Logs.over(f.Logs)
		s.Port = cmp.Or(s.Port, s.Ready.port())
		f.Services[name] = s
	}
}

// over takes from base what l does not say.
func (l Logs) over(base Logs) Logs {
	return Logs{cmp.Or(l.Files, base.Files), cmp.Or(l.Size, base.Size), cmp.Or(l.Stamp, base.Stamp)}
}

// port is the port that an http probe asks, or 0.
func (p *Probe) port() int {
	if p == nil || p.HTTP == "" {
		return 0
	}
	u, err := url.Parse(p.HTTP)
	if err != nil {
		return 0
	}
	n, _ := urlPort(u)
	return n
}
