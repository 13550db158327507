package cgroup

import (
	"path/filepath"
	"slices"
	"strings"
)

// A place is a group of one hierarchy that this process is in.
type place struct {
	dir         string
	unified     bool     // cgroup2
	controllers []string // of version 1
}

// places reads /proc/self/cgroup and /proc/self/mountinfo. A group that no
// mount shows is left out: nothing can be done there.
func places(groups, mounts string) (out []place) {
	for line := range strings.Lines(groups) {
		fields := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(fields) != 3 {
			continue
		}
		p := place{unified: fields[1] == "", controllers: strings.Split(fields[1], ",")}
		if p.unified {
			p.controllers = nil
		}
		// A group outside our namespace is shown as one above its root.
		if dir, ok := p.seen(fields[2], mounts); ok && fields[2] == filepath.Clean(fields[2]) {
			p.dir = dir
			out = append(out, p)
		}
	}
	return out
}

// seen is where a mount shows a group of the place's hierarchy.
func (p place) seen(group, mounts string) (dir string, ok bool) {
	for line := range strings.Lines(mounts) {
		before, after, found := strings.Cut(line, " - ")
		fields, fs := strings.Fields(before), strings.Fields(after)
		if !found || len(fields) < 5 || len(fs) < 3 || !p.isMountedAs(fs[0], strings.Split(fs[2], ",")) {
			continue
		}
		root, point := unescape(fields[3]), unescape(fields[4])
		below, inside := strings.CutPrefix(group, strings.TrimSuffix(root, "/"))
		if inside && (below == "" || below[0] == '/') && filepath.IsAbs(root) && filepath.IsAbs(point) {
			return filepath.Join(point, below), true
		}
	}
	return "", false
}

func (p place) isMountedAs(fs string, options []string) bool {
	if p.unified {
		return fs == "cgroup2"
	}
	missing := func(c string) bool { return !slices.Contains(options, c) }
	return fs == "cgroup" && !slices.ContainsFunc(p.controllers, missing)
}

// unescape reads a path of mountinfo.
func unescape(path string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(path)
}
