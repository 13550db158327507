package supervise

import (
	"cmp"
	"maps"
	"slices"
	"strings"

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

// shown is what of gives without the service's secrets.
func (e environment) shown(svc spec.Service) []string {
	return slices.DeleteFunc(e.of(svc), func(pair string) bool {
		name, _, _ := strings.Cut(pair, "=")
		_, secret := svc.Secrets[name]
		return secret
	})
}

// changed are the secrets of svc that have another value in next, sorted.
func (e environment) changed(before spec.Service, next environment, svc spec.Service) (names []string) {
	had := map[string]bool{}
	for _, pair := range e.of(before) {
		had[pair] = true
	}
	for _, pair := range next.of(svc) {
		name, _, _ := strings.Cut(pair, "=")
		if _, secret := svc.Secrets[name]; secret && !had[pair] {
			names = append(names, name)
		}
	}
	return names
}

// logDir is where the services' log directories stand.
func logDir(s spec.Spec) string { return cmp.Or(s.LogDir, spec.LogDir) }
