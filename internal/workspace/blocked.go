package workspace

import (
	"encoding/json"
	"path"
	"slices"
	"strings"
)

// Blocked gives, sorted, the dependencies whose install scripts npm would run and
// this workspace's install does not, as they are not among allowed, each NAME or
// NAME@VERSION. Those of other systems than Linux are not installed. There are none
// with other package managers: the install itself names them, or, as with yarn
// classic, the lock file does not know.
func (w *Workspace) Blocked(allowed []string) (names []string) {
	if w.Manager.Kind != NPM {
		return nil
	}
	var locked struct {
		Packages map[string]lockedPackage `json:"packages"`
	}
	for _, in := range w.Inputs {
		if path.Base(in.Path) == w.LockFile && json.Unmarshal(in.Data, &locked) != nil {
			return nil // npm says what is wrong with it
		}
	}
	for place, p := range locked.Packages {
		parts := strings.Split("/"+place, "/node_modules/")
		name := parts[len(parts)-1]
		if p.Name != "" {
			name = p.Name // it is installed under another
		}
		if len(parts) > 1 && p.Script && onLinux(p.OS) && !slices.Contains(allowed, name) && !slices.Contains(allowed, name+"@"+p.Version) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// A lockedPackage is an entry of package-lock.json from version 2 on.
type lockedPackage struct {
	Name    string   `json:"name"`
	Version string   `json:"version"`
	Script  bool     `json:"hasInstallScript"`
	OS      []string `json:"os"`
}

// onLinux tells whether a list of systems, or of those that are not meant (!NAME), has Linux.
func onLinux(systems []string) bool {
	if slices.Contains(systems, "linux") || len(systems) == 0 {
		return true
	}
	return strings.HasPrefix(systems[0], "!") && !slices.Contains(systems, "!linux")
}
