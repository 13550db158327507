package supervise

import (
	"cmp"
	"maps"
	"slices"

	"github.com/sandwright/sandwright/internal/spec"
)

// An environment is what services may see, and nothing else is: least of all
// the supervisor's own variables.
type environment struct {
	common map[string]string // given to every service
	start  map[string]string // given to those that declare them
}

// of is the environment of one service, sorted: the common variables, under
// its own, under the start-time variables that it declares and that are set.
func (e environment) of(svc spec.Service) []string {
	all := map[string]string{}
	maps.Copy(all, e.common)
	maps.Copy(all, svc.Env)
	for _, name := range svc.EnvFrom {
		if value, ok := e.start[name]; ok {
			all[name] = value
		}
	}
	out := make([]string, 0, len(all))
	for _, name := range slices.Sorted(maps.Keys(all)) {
		out = append(out, name+"="+all[name])
	}
	return out
}

// logDir is where the services' log directories stand.
func logDir(s spec.Spec) string { return cmp.Or(s.LogDir, spec.LogDir) }
