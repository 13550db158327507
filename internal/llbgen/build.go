package llbgen

import (
	"maps"
	"slices"

	"github.com/moby/buildkit/client/llb"

	"github.com/sandwright/sandwright/internal/plan"
)

func build(st llb.State, p plan.Plan, s plan.Step) llb.State {
	opts := []llb.RunOption{}
	if !s.Network {
		opts = append(opts, llb.Network(llb.NetModeNone))
	}
	for _, name := range slices.Sorted(maps.Keys(s.Env)) {
		opts = append(opts, llb.AddEnv(name, s.Env[name]))
	}
	for _, name := range s.Secrets {
		opts = append(opts, llb.AddSecretWithDest(name, nil, llb.SecretAsEnvName(name)))
	}
	return run(st, p, s.Shell(), s.Run, opts...)
}
