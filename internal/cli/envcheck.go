package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/sandwright/sandwright/internal/config"
	"github.com/sandwright/sandwright/internal/env"
	"github.com/sandwright/sandwright/internal/fault"
)

func (a *app) cmdEnvCheck() *cobra.Command {
	var f envFlags
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Check every variable against the schema",
		Long: `Check every variable of every scope against the schema, and report every fault
at once: which variable, which rule, where it is declared, where its value comes
from, and what to do. It exits 78 on a fault. Nothing of a secret is shown.`,
		Example: "  sandwright env check\n  sandwright env check --scope build --json",
		Args:    args(cobra.NoArgs),
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.envCheck(cmd.Context(), f) },
	}
	f.register(cmd)
	cmd.Flags().StringSliceVar(&f.scope, "scope", allScopes(), "what is checked")
	complete(cmd, "scope", allScopes()...)
	return cmd
}

// complete gives the words that a flag takes.
func complete(cmd *cobra.Command, flag string, words ...string) {
	if err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // there is no such flag
	}
}

func allScopes() []string {
	return []string{config.ScopeBuild, config.ScopeRun, config.ScopePublish}
}

func checkScopes(given []string) error {
	for _, scope := range given {
		if !slices.Contains(allScopes(), scope) {
			return fault.Cannot("use the scope %q: it is none of build, run and publish", scope).WithCode(fault.ExitUsage).
				WithHint("give --scope build,run")
		}
	}
	return nil
}

func (a *app) envCheck(ctx context.Context, f envFlags) error {
	if err := checkScopes(f.scope); err != nil {
		return err
	}
	p, err := a.project()
	if err != nil {
		return err
	}
	schema := schemaOf(p.file, f.scope)
	found, err := f.resolve(ctx, p.dir, schema)
	if a.json {
		return a.envChecked(schema, found, err)
	}
	a.notices(found.Notices)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.Out, "%s is fine: %d variables, %d of them with a value\n", p.file.Path, count(schema), len(found.Values)+countOwn(found))
	return err
}

func count(s env.Schema) int {
	n := len(s.Variables)
	for _, svc := range s.Services {
		n += len(svc.Own)
	}
	return n
}

func countOwn(r env.Result) (n int) {
	for _, own := range r.Own {
		n += len(own)
	}
	return n
}

// A checkedVariable is one line of the answer of env check --json.
type checkedVariable struct {
	Name    string `json:"name"`
	Service string `json:"service,omitempty"` // whose own it is
	Set     bool   `json:"set"`
	From    string `json:"from,omitempty"` // the layer of its value
	Secret  bool   `json:"secret"`
	At      string `json:"at"` // file:line:column
}

// A checkedFault is one fault of it.
type checkedFault struct {
	Variable string `json:"variable,omitempty"`
	Service  string `json:"service,omitempty"`
	Rule     string `json:"rule,omitempty"`
	Source   string `json:"source,omitempty"`
	At       string `json:"at,omitempty"`
	Error    string `json:"error"`
	Hint     string `json:"hint,omitempty"`
}

// envChecked answers in JSON, with the faults in it.
func (a *app) envChecked(schema env.Schema, found env.Result, err error) error {
	variables, faults := []checkedVariable{}, []checkedFault{}
	add := func(service string, vars []env.Variable, values map[string]env.Value) {
		for _, v := range vars {
			value, set := values[v.Name]
			if !v.Unused {
				variables = append(variables, checkedVariable{v.Name, service, set, value.From, v.Secret, v.Pos.String()})
			}
		}
	}
	if err == nil {
		add("", schema.Variables, found.Values)
		for _, svc := range schema.Services {
			add(svc.Name, svc.Own, found.Own[svc.Name])
		}
	}
	for _, f := range fault.All(err) {
		one := checkedFault{At: f.At.String(), Error: f.What, Hint: f.Hint}
		var problem *env.Problem
		if errors.As(f, &problem) {
			one.Variable, one.Service, one.Rule, one.Source = problem.Variable, problem.Service, problem.Rule, problem.Source
		}
		faults = append(faults, one)
	}
	if printErr := printJSON(a.Out, map[string]any{
		"ok": err == nil, "variables": variables, "faults": faults, "notices": append([]string{}, found.Notices...),
	}); printErr != nil || err == nil {
		return printErr
	}
	return exitError(fault.Code(err))
}
