package cli

import (
	"maps"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/sandwright/sandwright/internal/config"
	"github.com/sandwright/sandwright/internal/env"
	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/spec"
)

// envFlags say where variables come from besides the process's environment.
type envFlags struct {
	set   []string
	files []string
	scope []string // what is to be checked; empty: build and run
}

func (f *envFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringArrayVarP(&f.set, "env", "e", nil, "NAME=VALUE for a declared variable, over --env-file and the environment")
	cmd.Flags().StringArrayVar(&f.files, "env-file", nil, "file of NAME=VALUE lines, over the environment")
}

// values are the resolved variables, by where they may go.
type values struct {
	build        map[string]string // build-scoped, not secret
	buildSecrets map[string][]byte
	run          map[string]string // run-scoped, secrets among them
	shown        map[string]string // run-scoped, not secret
}

// resolveEnv checks every variable that the command needs, and gives all
// faults at once.
func resolveEnv(file *config.File, f envFlags) (values, error) {
	v := values{map[string]string{}, map[string][]byte{}, map[string]string{}, map[string]string{}}
	sources, err := f.sources()
	faults := fault.All(err)
	resolved, err := env.Check(schemaOf(file, f.scope), sources...)
	faults = append(faults, fault.All(err)...)
	for name, value := range resolved {
		switch {
		case file.Env[name].Scope == config.ScopeBuild && value.Secret:
			v.buildSecrets[name] = []byte(value.Text)
		case file.Env[name].Scope == config.ScopeBuild:
			v.build[name] = value.Text
		default:
			v.run[name] = value.Text
			if !value.Secret {
				v.shown[name] = value.Text
			}
		}
	}
	return v, faults.Err()
}

// sources are in the order in which they win.
func (f *envFlags) sources() ([]env.Source, error) {
	flags, err := env.FromFlags(f.set)
	faults := fault.All(err)
	out := []env.Source{flags}
	for _, path := range slices.Backward(f.files) {
		data, err := os.ReadFile(path)
		if err != nil {
			faults = append(faults, fault.Cannot("read --env-file: %w", err).WithCode(fault.ExitUsage))
			continue
		}
		source, err := env.ParseFile(path, data)
		faults = append(faults, fault.All(err)...)
		out = append(out, source)
	}
	return append(out, env.FromEnviron(os.Environ())), faults.Err()
}

// schemaOf is the file's schema, in which scopes that are not asked for are
// known but neither checked nor resolved.
func schemaOf(file *config.File, scopes []string) []env.Variable {
	if len(scopes) == 0 {
		scopes = []string{config.ScopeBuild, config.ScopeRun}
	}
	var out []env.Variable
	for _, name := range slices.Sorted(maps.Keys(file.Env)) {
		v := file.Env[name]
		out = append(out, env.Variable{
			Name: name, Type: spec.ValueType(v.Type), Values: v.Values, Required: v.Required, Default: v.Default,
			Secret: v.Secret, Unused: !slices.Contains(scopes, v.Scope), At: file.At("env", name),
		})
	}
	return out
}
