package cli

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/sandwright/sandwright/internal/config"
	"github.com/sandwright/sandwright/internal/env"
	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/spec"
)

// envFlags say where variables come from besides the process's environment and
// the project's .env files.
type envFlags struct {
	set       []string
	files     []string
	secrets   []string
	stage     string
	allowExec bool
	scope     []string // what is to be checked; empty: build and run
}

func (f *envFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringArrayVarP(&f.set, "env", "e", nil, "NAME=VALUE for a declared variable, over --env-file")
	flags.StringArrayVar(&f.files, "env-file", nil, "file of NAME=VALUE lines, over the environment")
	flags.StringArrayVar(&f.secrets, "secret", nil, "NAME=file:PATH or NAME=exec:COMMAND for a declared secret, over everything")
	flags.StringVar(&f.stage, "stage", os.Getenv("SANDWRIGHT_STAGE"), "read .env.STAGE too, over .env and .env.local (also SANDWRIGHT_STAGE)")
	flags.BoolVar(&f.allowExec, "allow-exec", os.Getenv("SANDWRIGHT_ALLOW_EXEC") == "1", "run the programs that the file names for secrets (also SANDWRIGHT_ALLOW_EXEC=1)")
}

// layers are those of one project.
func (f *envFlags) layers(dir string) env.Layers {
	return env.Layers{
		Dir: dir, Stage: f.stage, Environ: os.Environ(), Files: f.files, Set: f.set, Secrets: f.secrets, AllowExec: f.allowExec,
	}
}

// values are the resolved variables, by where they may go.
type values struct {
	build        map[string]string // build-scoped, not secret
	buildSecrets map[string][]byte
	run          map[string]string // run-scoped, secrets among them
	shown        map[string]string // run-scoped, not secret
	publish      map[string]env.Value
	notices      []string // about deprecated variables
}

// resolveEnv checks every variable that the command needs, and gives all
// faults at once.
func resolveEnv(ctx context.Context, p project, f envFlags) (values, error) {
	file := p.file
	resolved, err := f.resolve(ctx, p.dir, schemaOf(file, f.scope))
	v := values{map[string]string{}, map[string][]byte{}, map[string]string{}, map[string]string{}, map[string]env.Value{}, resolved.Notices}
	for name, value := range resolved.Values {
		v.add(file.Env[name], name, value)
	}
	for _, own := range resolved.Own {
		for name, value := range own {
			v.give(name, value)
		}
	}
	return v, err
}

// resolve reads every layer, and gives all faults at once.
func (f *envFlags) resolve(ctx context.Context, dir string, schema env.Schema) (env.Result, error) {
	sources, err := f.layers(dir).Read(ctx, schema)
	faults := fault.All(err)
	found, err := env.Resolver{}.Resolve(schema, sources...)
	return found, append(faults, fault.All(err)...).Err()
}

// add puts a value where its scopes say.
func (v *values) add(declared config.Variable, name string, value env.Value) {
	if declared.In(config.ScopeBuild) && value.Secret {
		v.buildSecrets[name] = []byte(value.Text)
	} else if declared.In(config.ScopeBuild) {
		v.build[name] = value.Text
	}
	if declared.In(config.ScopeRun) {
		v.give(name, value)
	}
	if declared.In(config.ScopePublish) {
		v.publish[name] = value
	}
}

// give hands a value to PID 1. What the schema says it knows itself.
func (v *values) give(name string, value env.Value) {
	if !value.Given {
		return
	}
	v.run[name] = value.Text
	if !value.Secret {
		v.shown[name] = value.Text
	}
}

// schemaOf is the file's schema, in which scopes that are not asked for are
// known but neither checked nor resolved.
func schemaOf(file *config.File, scopes []string) env.Schema {
	if len(scopes) == 0 {
		scopes = []string{config.ScopeBuild, config.ScopeRun}
	}
	var out env.Schema
	for _, name := range slices.Sorted(maps.Keys(file.Env)) {
		out.Variables = append(out.Variables, variableOf(file.Env[name], name, file.At("env", name), scopes))
	}
	for _, service := range slices.Sorted(maps.Keys(file.Services)) {
		own := env.Service{Name: service}
		for _, name := range slices.Sorted(maps.Keys(file.Services[service].Vars)) {
			v := file.Services[service].Vars[name]
			own.Own = append(own.Own, variableOf(v, name, file.At("services", service, "env", name), scopes))
		}
		if len(own.Own) == 0 {
			continue
		}
		for _, v := range out.Variables {
			if file.SeenBy(service, v.Name) {
				own.Sees = append(own.Sees, v.Name)
			}
		}
		out.Services = append(out.Services, own)
	}
	return out
}

func variableOf(v config.Variable, name string, at fault.Position, scopes []string) env.Variable {
	return env.Variable{
		Variable: spec.Variable{
			Name: name, Rule: v.Rule, Required: v.Required, RequiredIf: v.RequiredIf, Default: v.Default,
			DefaultFrom: v.DefaultFrom, Secret: v.Secret, AllowEmpty: v.AllowEmpty,
		},
		Pos: at, Example: v.Example, Deprecated: v.Deprecated,
		Provider: env.Provider{File: v.From.File, Exec: v.From.Exec, Timeout: v.From.Timeout.Std()}, Unused: !slices.ContainsFunc(scopes, v.In),
	}
}

// notices are printed where no fault stands in the way, too.
func (a *app) notices(all []string) {
	for _, notice := range all {
		fmt.Fprintln(a.Err, "notice:", notice)
	}
}
